import { setTimeout as sleep } from 'node:timers/promises';
import type { Syncline } from '@syncline/client';
import { embed } from '@syncline/embedded';
import type { Redis } from 'ioredis';
import { benchmark, Latencies, type Measurement } from '../harness/index.js';
import { commandsOf } from '../redis/spent.js';

const CALLS = 200;
const TTL_MS = 600_000;
const VALUE = 'x'.repeat(200);

/** A call, one at a time; what `prepare` does for it is not counted. */
interface Call {
  readonly name: string;
  prepare?(i: number): Promise<unknown>;
  run(i: number): Promise<unknown>;
}

function locks({ lock }: Syncline): Call[] {
  const held: { release(): Promise<unknown> }[] = [];
  return [
    {
      name: 'lock, acquire',
      run: async (i) => held.push(await lock.acquire(`l${i}`, { ttlMs: TTL_MS })),
    },
    { name: 'lock, release', run: async (i) => held[i]?.release() },
  ];
}

function queues(syncline: Syncline): Call[] {
  const queue = syncline.queue<string>('commands');
  const receipts: string[] = [];
  return [
    { name: 'message, send', run: () => queue.send(VALUE) },
    {
      name: 'message, receive',
      run: async () => receipts.push(...(await queue.receive({ max: 1 })).map(({ receipt }) => receipt)),
    },
    { name: 'message, acknowledge', run: async (i) => queue.ack(receipts[i] ?? '') },
  ];
}

function caches(one: Syncline, other: Syncline): Call[] {
  const [cache, held] = [one.cache<string>('commands'), other.cache<string>('commands')];
  return [
    { name: 'cache, first write', run: (i) => cache.set(`k${i}`, VALUE) },
    { name: 'cache, write', run: (i) => cache.set(`k${i}`, VALUE) },
    { name: 'cache, read from Redis', run: (i) => cache.get(`k${i}`) },
    { name: 'cache, near hit', run: (i) => cache.get(`k${i}`) },
    {
      name: 'cache, write that one other holds',
      prepare: (i) => held.get(`k${i}`),
      run: (i) => cache.set(`k${i}`, VALUE),
    },
    { name: 'cache, read what is absent', run: (i) => cache.get(`absent${i}`) },
    { name: 'cache, delete', run: (i) => cache.delete(`k${i}`) },
  ];
}

/** Commands of a call on average, without those of a member that has nothing to do. */
async function count({ prepare, run }: Call, redis: Redis): Promise<number> {
  for (let i = 0; i < CALLS; i += 1) await prepare?.(i);
  const [before, startedAt] = [await commandsOf(redis), performance.now()];
  for (let i = 0; i < CALLS; i += 1) await run(i);
  const passedMs = performance.now() - startedAt;
  const after = await commandsOf(redis);
  await sleep(passedMs);
  return Math.max(0, 2 * after - before - (await commandsOf(redis))) / CALLS;
}

export default benchmark({
  question: 'How many commands does each call cost Redis, alone?',
  unit: 'calls/s',
  rounds: 3,
  contestants: [
    {
      name: 'Syncline, embedded',
      start: async (stage) => {
        const server = await stage.redis();
        const counted = server.connect();
        return {
          measure: async (): Promise<Measurement> => {
            await counted.flushall();
            const members = await Promise.all([embed({ redis: server.url }), embed({ redis: server.url })]);
            const [one, other] = members;
            const figures: Record<string, number> = {};
            const latencies = new Latencies();
            const startedAt = performance.now();
            let operations = 0;
            for (const call of [...locks(one), ...queues(one), ...caches(one, other)]) {
              const from = performance.now();
              figures[call.name] = await count(call, counted);
              latencies.record(performance.now() - from);
              operations += CALLS;
            }
            await Promise.all(members.map((member) => member.close()));
            return { operations, seconds: (performance.now() - startedAt) / 1_000, latencies, figures };
          },
          stop: async () => counted.disconnect(),
        };
      },
    },
  ],
  caveats: [
    'Read the figures: commands of a call that is alone, those in scripts counted, on average over 200 calls. The rate and the latencies mean nothing.',
    'Calls made side by side travel together and cost less: see the commands of an operation in `embedded/locks` and `embedded/sends`.',
  ],
});
