import { setTimeout as sleep } from 'node:timers/promises';
import { QueueClient, type Tracing } from '@syncline/client';
import { embed } from '@syncline/embedded';
import type { RedisServer } from '@syncline/testing';
import { BODY, type Broker, memoryOf, type Peer, VISIBILITY_MS } from '../broker.js';

/** Bytes: less than what a purge frees between two looks. */
const PURGE_STEP = 100_000;

/** As a user has it: our client, which knows all the nodes. What it sends and acknowledges in one turn travels together. */
export const syncline = (nodes: number): Peer => ({
  name: `Syncline, ${nodes} node${nodes > 1 ? 's' : ''}`,
  open: async (stage) => {
    const redis = await stage.redis();
    return brokerOf(new QueueClient({ urls: await stage.nodes('queue', nodes, redis) }), redis);
  },
});

/** As a user has it: our engine in the process of the load, on nothing but Redis. */
export const embedded: Peer = embeddedWith('Syncline, embedded');

/** The same with tracing, or, undefined, without. */
export function embeddedWith(name: string, tracing?: Tracing): Peer {
  return {
    name,
    open: async (stage) => {
      const redis = await stage.redis();
      const syncline = await embed({ redis: redis.url, roles: ['queue'], tracing });
      return brokerOf(syncline, redis);
    },
  };
}

/** @param client where the queue is; closed in the end */
async function brokerOf(client: Pick<QueueClient, 'queue' | 'close'>, redis: RedisServer): Promise<Broker> {
  const queue = client.queue<string>('bench');
  const other = client.queue<string>('other');
  const asked = redis.connect();
  const memory = () => memoryOf(asked);
  // A queue is made by its first message.
  await queue.send(BODY);
  await queue.purge();
  return {
    send: (body) => queue.send(body),
    sendBatch: (bodies) => Promise.all(bodies.map((body) => queue.send(body))),
    sendDelayed: (body, delayMs) => queue.send(body, { delayMs }),
    delayed: async () => (await queue.inspect()).stats.delayed,
    cycleElsewhere: async () => {
      await other.send(BODY);
      const [message] = await other.receive();
      if (message) await other.ack(message.receipt);
    },
    consume: async (concurrency, handle) => {
      const worker = queue.worker(({ body }) => handle(body), {
        concurrency,
        visibilityTimeoutMs: VISIBILITY_MS,
      });
      return () => worker.stop();
    },
    hang: () => queue.receive({ waitMs: 10_000, visibilityTimeoutMs: VISIBILITY_MS }),
    clear: async () => {
      await queue.purge();
      // What it removes in the background must not be counted with what comes next.
      for (let before = Number.POSITIVE_INFINITY, now = await memory(); now < before - PURGE_STEP; ) {
        await sleep(50);
        [before, now] = [now, await memory()];
      }
    },
    memory,
    stop: () => {
      asked.disconnect();
      return client.close();
    },
  };
}
