import { type Peer, VISIBILITY_MS } from '../broker.js';
import { type BeanstalkConnection, GatheringConnection } from './beanstalk-connection.js';
import { JackdConnection } from './jackd-connection.js';

const TTR_SECONDS = VISIBILITY_MS / 1_000;
const ALL_AT_ONCE = 1_000;

const beanstalkd = (
  client: string,
  connect: (port: number) => Promise<BeanstalkConnection>,
  manyUnderWay: boolean,
): Peer => ({
  name: `beanstalkd 1.12, ${client}`,
  open: async (stage) => {
    const { port } = await stage.service('beanstalkd');
    const cleaner = await GatheringConnection.open(port);
    const hanging: BeanstalkConnection[] = [];
    const producers: BeanstalkConnection[] = [await connect(port)];
    const put = async (body: string, delayMs: number) => {
      const producer = producers.pop() ?? (await connect(port));
      if (manyUnderWay) producers.push(producer);
      await producer.put(body, delayMs / 1_000, TTR_SECONDS);
      if (!manyUnderWay) producers.push(producer);
    };
    const letGo = () => {
      for (const connection of hanging.splice(0)) connection.close();
    };
    return {
      send: (body) => put(body, 0),
      sendBatch: (bodies) => Promise.all(bodies.map((body) => put(body, 0))),
      sendDelayed: put,
      consume: async (concurrency, handle) => {
        let stopped = false;
        const work = async () => {
          const connection = await connect(port);
          while (!stopped) {
            const job = await connection.reserve(1);
            if (job === undefined) continue;
            handle(job.body);
            await connection.delete(job.id);
          }
          connection.close();
        };
        const working = Array.from({ length: concurrency }, work);
        return async () => {
          stopped = true;
          await Promise.all(working);
        };
      },
      hang: async () => {
        const connection = await connect(port);
        hanging.push(connection);
        await connection.reserve();
      },
      clear: async () => {
        letGo();
        for (let received = ALL_AT_ONCE; received === ALL_AT_ONCE; ) {
          const reserving = Array.from({ length: ALL_AT_ONCE }, () => cleaner.reserve(0));
          const jobs = (await Promise.all(reserving)).filter((job) => job !== undefined);
          await Promise.all(jobs.map(({ id }) => cleaner.delete(id)));
          received = jobs.length;
        }
      },
      stop: async () => {
        letGo();
        for (const connection of [...producers, cleaner]) connection.close();
      },
    };
  },
});

/** As one has it from npm: each connection has one command under way. */
export const beanstalkdByJackd = beanstalkd('jackd', JackdConnection.open, false);

/** The most that it can do: puts go over one connection. A consumer waits on a connection of its own, as the protocol asks. */
export const beanstalkdGathering = beanstalkd('gathered writes', GatheringConnection.open, true);
