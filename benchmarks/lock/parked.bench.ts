import { setMaxListeners } from 'node:events';
import { LockClient } from '@syncline/client';
import { eventually } from '@syncline/testing';
import { benchmark, type Contestant, Latencies } from '../harness/index.js';

const NAMES = 100;
const WAIT_MS = 600_000;
/** Requests that are parked at once. */
const PORTION = 250;

const MIB = 2 ** 20;

/** One node with so many requests parked; measured is what waiting costs while nothing happens, and then hand-overs. */
const parked = (waiters: number): Contestant => ({
  name: waiters === 0 ? 'nobody waits' : `${waiters.toLocaleString('en')} wait`,
  start: async (stage) => {
    const server = await stage.redis();
    const [url = ''] = await stage.nodes('lock', 1, server);
    const client = new LockClient({ urls: [url], timeoutMs: WAIT_MS });
    const gone = new AbortController();
    setMaxListeners(0, gone.signal);
    for (let i = 0; i < NAMES; i += 1) await client.acquire(`parked-${i}`, { ttlMs: WAIT_MS });
    const waiting: Promise<unknown>[] = [];
    const parkedNow = async (name: string) => (await client.inspect(name)).waiters.length;
    for (let count = 0; count < waiters; count += PORTION) {
      for (let i = count; i < count + PORTION; i += 1) {
        const options = { owner: `waiter-${i}`, waitMs: WAIT_MS, signal: gone.signal };
        waiting.push(client.acquire(`parked-${i % NAMES}`, options).catch(() => null));
      }
      const last = (count + PORTION - 1) % NAMES;
      const expected = Math.floor((count + PORTION - 1) / NAMES) + 1;
      await eventually(async () => {
        if ((await parkedNow(`parked-${last}`)) < Math.min(expected, 100))
          throw new Error('not all are parked yet');
      }, 20_000);
    }
    const metric = async (name: string) => {
      const text = await (await fetch(`${url}/metrics`)).text();
      return Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1]);
    };
    return {
      measure: async (_, seconds) => {
        const latencies = new Latencies();
        const startedAt = performance.now();
        let operations = 0;
        while (performance.now() - startedAt < seconds * 1_000) {
          const holder = await client.acquire('handed-over', { ttlMs: WAIT_MS });
          const next = client.acquire('handed-over', { ttlMs: WAIT_MS, waitMs: WAIT_MS });
          await eventually(async () => {
            if ((await parkedNow('handed-over')) === 0) throw new Error('not parked yet');
          });
          const from = performance.now();
          const [lease] = await Promise.all([next, holder.release()]);
          latencies.record(performance.now() - from);
          await lease.release();
          operations += 1;
        }
        const figures = { 'node memory, MiB': (await metric('process_resident_memory_bytes')) / MIB };
        return { operations, seconds: (performance.now() - startedAt) / 1_000, latencies, figures };
      },
      stop: async () => {
        gone.abort();
        await Promise.all(waiting);
        await client.close();
      },
    };
  },
});

export default benchmark({
  question: 'What do requests that wait cost a node and Redis, and do they slow a hand-over down?',
  unit: 'hand-overs/s',
  rounds: 3,
  seconds: 5,
  contestants: [parked(0), parked(1_000), parked(10_000)],
  caveats: [
    'The requests wait for 100 names that stay held; the hand-overs are those of another name, one at a time: from the release until the next holder has it.',
    'Waiting requests are renewed by one script a node, twice a second, so what they cost shows in the processor times of node and Redis.',
  ],
});
