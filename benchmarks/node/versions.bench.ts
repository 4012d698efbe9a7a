import { Syncline } from '@syncline/client';
import type { Role } from '@syncline/contracts';
import {
  benchmark,
  type Contestant,
  closedLoop,
  Http,
  Latencies,
  type Measurement,
} from '../harness/index.js';

const KEYS = 64;
const TTL_MS = 60_000;

/** One call each, in the words of the table. */
type Kinds = Readonly<Record<string, (worker: number) => Promise<unknown>>>;

function kindsOf(syncline: Syncline, http: Http, urls: Readonly<Record<Role, string>>): Kinds {
  const queue = syncline.queue('versions');
  const cache = syncline.cache<string>('versions');
  let writes = 0;
  return {
    request: () => http.send('GET', `${urls.lock}/health/live`),
    lock: async (worker) => {
      const lease = await syncline.lock.acquire(`name-${worker}`, { ttlMs: TTL_MS });
      await lease.release();
    },
    message: async () => {
      await queue.send('x'.repeat(100));
      const [message] = await queue.receive({ waitMs: 5_000 });
      if (message !== undefined) await queue.ack(message.receipt);
    },
    'near read': (worker) => cache.get(`key-${worker % KEYS}`),
    write: () => {
      writes += 1;
      return cache.set(`written-${writes % KEYS}`, 'x'.repeat(100));
    },
  };
}

const version = (name: string, checkout: string): Contestant => ({
  name,
  start: async (stage) => {
    const redis = await stage.redis();
    const start = async (role: Role) => (await stage.nodes(role, 1, redis, checkout))[0] ?? '';
    const [lock, queue, cache] = await Promise.all([start('lock'), start('queue'), start('cache')]);
    const syncline = new Syncline({ lock: [lock], queue: [queue], cache: [cache] });
    const http = new Http();
    const kinds = kindsOf(syncline, http, { lock, queue, cache });
    const entries = syncline.cache<string>('versions');
    await Promise.all(Array.from({ length: KEYS }, (_, i) => entries.set(`key-${i}`, 'x'.repeat(100))));
    return {
      measure: async (inFlight, seconds): Promise<Measurement> => {
        const latencies = new Latencies();
        const figures: Record<string, number> = {};
        let operations = 0;
        let taken = 0;
        for (const [kind, call] of Object.entries(kinds)) {
          const done = await closedLoop(inFlight, seconds, async (worker) => {
            const from = performance.now();
            await call(worker);
            latencies.record(performance.now() - from);
            return 1;
          });
          figures[`${kind}/s`] = done.operations / done.seconds;
          operations += done.operations;
          taken += done.seconds;
        }
        return { operations, seconds: taken, latencies, figures };
      },
      stop: async () => {
        await Promise.all([syncline.close(), http.stop()]);
      },
    };
  },
});

export default benchmark({
  question: 'Does another version do more requests, locks, messages and reads a second than this one?',
  unit: 'calls/s',
  loads: [1, 64],
  rounds: 7,
  seconds: 0.6,
  contestants: [version('this checkout', '.')],
  against: ({ path, commit }) => version(`commit ${commit}`, path),
  caveats: [
    'Read the lines of the kinds. A lock is an acquisition and its release, a message a send, a receive and its acknowledgement, a request one that does nothing. All through the client of this checkout, one node a role.',
  ],
});
