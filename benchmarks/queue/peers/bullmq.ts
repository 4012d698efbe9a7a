import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { Queue, Worker, type WorkerOptions } from 'bullmq';
import { BODY, memoryOf, type Peer, VISIBILITY_MS } from '../broker.js';

const NAME = 'bench';

/** As its documentation sets it up; finished jobs are removed, as ours are. */
export const bullmq: Peer = {
  name: 'BullMQ 6.7',
  open: async (stage) => {
    const redis = await stage.redis();
    const { hostname: host, port } = new URL(redis.url);
    const connection = { host, port: Number(port), maxRetriesPerRequest: null };
    const queue = new Queue<string>(NAME, { connection, defaultJobOptions: { removeOnComplete: true } });
    const other = new Queue<string>('other', { connection, defaultJobOptions: { removeOnComplete: true } });
    const taker = new Worker<string>('other', null, { connection });
    const asked = redis.connect();
    const hanging: Worker[] = [];
    const start = async (handle: (body: string) => unknown, options: Partial<WorkerOptions>) => {
      // It looks for crashed consumers each 30 s unless it is told otherwise; here as often as their locks end.
      const times = { lockDuration: 30_000, stalledInterval: VISIBILITY_MS, maxStalledCount: 10 };
      const worker = new Worker<string>(NAME, async ({ data }) => handle(data), {
        connection,
        ...times,
        ...options,
      });
      await worker.waitUntilReady();
      return worker;
    };
    return {
      send: (body) => queue.add('job', body),
      sendBatch: (bodies) => queue.addBulk(bodies.map((data) => ({ name: 'job', data }))),
      sendDelayed: (body, delay) => queue.add('job', body, { delay }),
      delayed: () => queue.getDelayedCount(),
      cycleElsewhere: async () => {
        const token = randomUUID();
        await other.add('job', BODY);
        const job = await taker.getNextJob(token, { block: false });
        await job?.moveToCompleted(null, token, false);
      },
      consume: async (concurrency, handle) => {
        const worker = await start(handle, { concurrency });
        return () => worker.close();
      },
      hang: async () => {
        const worker = new EventEmitter();
        const received = once(worker, 'received');
        const handle = () => {
          worker.emit('received');
          return new Promise<void>(() => undefined);
        };
        hanging.push(await start(handle, { lockDuration: VISIBILITY_MS, lockRenewTime: 3_600_000 }));
        await received;
      },
      clear: async () => {
        await Promise.all(hanging.splice(0).map((worker) => worker.close(true)));
        await queue.obliterate({ force: true });
      },
      memory: () => memoryOf(asked),
      stop: async () => {
        asked.disconnect();
        await Promise.all([taker, ...hanging].map((worker) => worker.close(true)));
        await Promise.all([queue.close(), other.close()]);
      },
    };
  },
};
