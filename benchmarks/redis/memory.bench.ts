import { setTimeout as sleep } from 'node:timers/promises';
import { Syncline } from '@syncline/client';
import type { Role } from '@syncline/contracts';
import type { Redis } from 'ioredis';
import { benchmark, type Contestant, Latencies, type Measurement } from '../harness/index.js';

const COUNT = 20_000;
const QUEUES = 1_000;
const AT_ONCE = 500;
const BYTES = 100;
const LONG_MS = 3_600_000;
/** Redis frees what it was asked to free in this time, and nodes settle. */
const SETTLE_MS = 1_500;
const IDLE_MS = 10_000;

const field = (info: string, name: string): number =>
  Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1]);
const memoryOf = async (redis: Redis) => field(await redis.info('memory'), 'used_memory');
const commandsOf = async (redis: Redis) => field(await redis.info('stats'), 'total_commands_processed');

async function times(count: number, work: (i: number) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < count; from += AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, i) => work(from + i)));
  }
}

/** What Redis keeps for each of many things of a kind, bytes, the allocator included. */
type Kinds = Readonly<Record<string, { readonly count: number; make(): Promise<void> }>>;

function kindsOf(one: Syncline, other: Syncline, run: number): Kinds {
  const messages = one.queue<string>(`messages-${run}`);
  const entries = (syncline: Syncline) => syncline.cache<string>(`entries-${run}`);
  const key = (i: number) => `key-${i}`;
  const each = (work: (i: number) => Promise<unknown>, count = COUNT) => ({
    count,
    make: () => times(count, work),
  });
  return {
    'a held lock': each((i) => one.lock.acquire(`held-${run}-${i}`, { ttlMs: LONG_MS })),
    'a name that was released (for 5 minutes)': each(async (i) => {
      await (await one.lock.acquire(`idle-${run}-${i}`)).release();
    }),
    'an empty queue': each((i) => one.queue(`queue-${run}-${i}`).configure({}), QUEUES),
    [`a message with its body of ${BYTES} bytes`]: each(() => messages.send('x'.repeat(BYTES - 2))),
    [`a cached value of ${BYTES} bytes with its key`]: each((i) =>
      entries(one).set(key(i), 'x'.repeat(BYTES - 2)),
    ),
    'a node that has it in its near cache': each((i) => entries(other).get(key(i))),
  };
}

const checkout: Contestant = {
  name: 'Syncline',
  start: async (stage) => {
    const server = await stage.redis();
    const redis = server.connect();
    const roles: readonly Role[] = ['lock', 'queue', 'cache'];
    const idle: Record<string, number> = {};
    const urls = {} as Record<Role, string[]>;
    for (const role of roles) {
      urls[role] = await stage.nodes(role, 2, server);
      await sleep(SETTLE_MS);
    }
    const before = await commandsOf(redis);
    await sleep(IDLE_MS);
    // The last look counts itself.
    idle['commands a second of six idle nodes'] =
      ((await commandsOf(redis)) - before - 1) / (IDLE_MS / 1_000);
    const through = (node: number) => {
      const of = (role: Role) => urls[role].slice(node, node + 1);
      return new Syncline({ lock: of('lock'), queue: of('queue'), cache: of('cache') });
    };
    const [one, other] = [through(0), through(1)];
    let run = 0;
    return {
      measure: async (): Promise<Measurement> => {
        run += 1;
        const figures: Record<string, number> = { ...idle };
        const latencies = new Latencies();
        const startedAt = performance.now();
        let operations = 0;
        for (const [kind, { count, make }] of Object.entries(kindsOf(one, other, run))) {
          const from = performance.now();
          const had = await memoryOf(redis);
          await make();
          await sleep(SETTLE_MS);
          figures[`${kind}, bytes`] = ((await memoryOf(redis)) - had) / count;
          latencies.record(performance.now() - from);
          operations += count;
        }
        return { operations, seconds: (performance.now() - startedAt) / 1_000, latencies, figures };
      },
      stop: async () => {
        redis.disconnect();
        await Promise.all([one.close(), other.close()]);
      },
    };
  },
};

export default benchmark({
  question: 'How much memory of Redis does each thing take, and how many commands do idle nodes send?',
  unit: 'things/s',
  rounds: 1,
  seconds: 1,
  contestants: [checkout],
  caveats: [
    'Read the bytes: growth of used_memory, divided by how many there are; the tables of Redis and its allocator are part of it. Scripts count as one command, and so does each command in a script.',
    'The rate means nothing.',
  ],
});
