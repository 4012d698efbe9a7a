import { setTimeout as sleep } from 'node:timers/promises';
import { benchmark, type Contestant, Latencies } from '../harness/index.js';

/** How long a reader may take to follow before it counts as not following. */
const PATIENCE_MS = 10_000;

/**
 * Writes through one side and reads through the other, which holds the old value. What is recorded is the time from
 * the answer of the write to the first read that shows it; 0 when the first read does.
 */
async function follow(
  seconds: number,
  pair: { write: (value: string) => Promise<unknown>; read: () => Promise<string | null> },
) {
  const latencies = new Latencies();
  const until = performance.now() + seconds * 1_000;
  let writes = 0;
  let stale = 0;
  while (performance.now() < until) {
    const value = `value ${writes}`;
    await pair.read();
    await pair.read();
    await pair.write(value);
    const answeredAt = performance.now();
    let first = true;
    while ((await pair.read()) !== value) {
      if (first) stale += 1;
      first = false;
      if (performance.now() - answeredAt > PATIENCE_MS) throw new Error('The reader does not follow.');
      await sleep(0);
    }
    latencies.record(first ? 0 : performance.now() - answeredAt);
    writes += 1;
  }
  return {
    operations: writes,
    seconds,
    latencies,
    figures: { 'stale first reads, %': (stale / writes) * 100 },
  };
}

const syncline: Contestant = {
  name: 'Syncline, two nodes',
  start: async (stage) => {
    const [a = '', b = ''] = await stage.nodes('cache', 2);
    const entry = (url: string) => `${url}/v1/caches/bench/entries/k`;
    return {
      measure: (_load, seconds) =>
        follow(seconds, {
          write: (body) => fetch(entry(a), { method: 'PUT', body }).then((response) => response.text()),
          read: () => fetch(entry(b)).then((response) => response.text()),
        }),
    };
  },
};

const bentocache: Contestant = {
  name: 'Bentocache, memory + Redis + bus',
  start: async (stage) => {
    const { BentoCache, bentostore } = await import('bentocache');
    const { memoryDriver } = await import('bentocache/drivers/memory');
    const { redisBusDriver, redisDriver } = await import('bentocache/drivers/redis');
    const { port } = await stage.redis();
    const connection = { host: '127.0.0.1', port };
    const side = () =>
      new BentoCache({
        default: 'both',
        stores: {
          both: bentostore()
            .useL1Layer(memoryDriver())
            .useL2Layer(redisDriver({ connection }))
            .useBus(redisBusDriver({ connection })),
        },
      });
    const [a, b] = [side(), side()];
    return {
      measure: (_load, seconds) =>
        follow(seconds, {
          write: (value) => a.set({ key: 'k', value }),
          read: async () => (await b.get<string>({ key: 'k' })) ?? null,
        }),
      stop: async () => {
        await Promise.all([a.disconnectAll(), b.disconnectAll()]);
      },
    };
  },
};

const clientSide: Contestant = {
  name: 'Redis client-side caching (node-redis)',
  start: async (stage) => {
    const { createClient } = await import('redis');
    const { url } = await stage.redis();
    const writer = createClient({ url });
    const reader = createClient({ url, RESP: 3, clientSideCache: { ttl: 0, maxEntries: 100 } });
    await Promise.all([writer.connect(), reader.connect()]);
    return {
      measure: (_load, seconds) =>
        follow(seconds, {
          write: (value) => writer.set('k', value),
          read: async () => (await reader.get('k')) as string | null,
        }),
      stop: async () => {
        writer.destroy();
        reader.destroy();
      },
    };
  },
};

export default benchmark({
  question: 'How long after a write was answered do other readers still get the old value?',
  unit: 'writes/s',
  contestants: [syncline, bentocache, clientSide],
  caveats: [
    'Latencies are the time from the answer of a write to the first read that shows it, 0 when the first read does.',
    'Both sides of the peers live in the process of the load, so their reads come without a hop; those of Syncline are HTTP.',
    'With the network whole and nobody frozen: that a bound holds under faults too is the matter of test/faults/cache.',
  ],
});
