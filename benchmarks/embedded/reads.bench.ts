import { setImmediate as nextTurn } from 'node:timers/promises';
import { embed } from '@syncline/embedded';
import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { createCache } from 'cache-manager';
import { benchmark, type Contestant, type Stage } from '../harness/index.js';

const VALUE = 'x'.repeat(200);
const KEYS = 64;
/** Reads in one operation: a clock costs more than a read. */
const READS = 10_000;
const keys = Array.from({ length: KEYS }, (_, i) => `k${i}`);

interface Memory {
  read(key: string): unknown;
  stop(): Promise<unknown>;
}

const contestant = (name: string, open: (stage: Stage) => Promise<Memory>): Contestant => ({
  name,
  start: async (stage) => {
    const { read, stop } = await open(stage);
    return {
      operation: async () => {
        for (let i = 0; i < READS; i += 1) {
          const value = read(keys[i % KEYS] as string);
          // A promise is awaited, what is there is not.
          if ((value instanceof Promise ? await value : value) !== VALUE)
            throw new Error('A read found nothing.');
        }
        // A program does other things, too: leases are renewed by timers.
        await nextTurn();
        return READS;
      },
      stop,
    };
  },
});

const embedded = (name: 'peek' | 'get') =>
  contestant(`Syncline, embedded, ${name}`, async (stage) => {
    const syncline = await embed({ redis: (await stage.redis()).url, roles: ['cache'] });
    const cache = syncline.cache<string>('bench');
    for (const key of keys) {
      await cache.set(key, VALUE);
      // What is read twice is kept.
      await cache.get(key);
      await cache.get(key);
    }
    // While its lease is being renewed, memory may not answer: then Redis is asked.
    const peek = (key: string) => cache.peek(key) ?? cache.get(key);
    return { read: name === 'peek' ? peek : (key) => cache.get(key), stop: () => syncline.close() };
  });

const bentocache = contestant('Bentocache, memory', async () => {
  const cache = new BentoCache({
    default: 'memory',
    stores: { memory: bentostore().useL1Layer(memoryDriver()) },
  });
  for (const key of keys) await cache.set({ key, value: VALUE });
  return { read: (key) => cache.get({ key }), stop: () => cache.disconnectAll() };
});

const cacheManager = contestant('cache-manager, memory', async () => {
  const cache = createCache();
  for (const key of keys) await cache.set(key, VALUE);
  return { read: (key) => cache.get(key), stop: () => cache.disconnect() };
});

export default benchmark({
  question: 'How many reads of 200 bytes a second from the memory of the own process?',
  unit: 'reads/s',
  contestants: [bentocache, cacheManager, embedded('peek'), embedded('get')],
  caveats: [
    'One read after another; a promise is awaited before the next one. The latencies are those of 10,000 reads.',
    'Syncline, embedded, is never stale: after a write through any member was answered, no read returns what was there before. The memory of the others knows of no other process; Bentocache with a bus tells them later (cache/staleness).',
  ],
});
