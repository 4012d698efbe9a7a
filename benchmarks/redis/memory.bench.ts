import { setTimeout as sleep } from 'node:timers/promises';
import { Syncline } from '@syncline/client';
import type { Role } from '@syncline/contracts';
import type { RedisServer } from '@syncline/testing';
import { benchmark, type Contestant, Latencies, type Measurement, type Stage } from '../harness/index.js';

const COUNT = 20_000;
const QUEUES = 2_000;
const AT_ONCE = 500;
const BYTES = 100;
const LONG_MS = 3_600_000;
/** Redis frees what it was asked to free in this time, and nodes settle. */
const SETTLE_MS = 1_500;
const IDLE_MS = 10_000;

const field = (info: string, name: string): number =>
  Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1]);
const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0);

/** One Redis, or the primaries of a Redis Cluster. */
interface Place {
  readonly url: string;
  readonly servers: readonly RedisServer[];
}

async function times(count: number, work: (i: number) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < count; from += AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, i) => work(from + i)));
  }
}

/** What Redis keeps for each of many things of a kind, bytes, the allocator included. */
type Kinds = Readonly<Record<string, { readonly count: number; make(count: number): Promise<void> }>>;

function kindsOf(one: Syncline, other: Syncline, run: number): Kinds {
  const messages = one.queue<string>(`messages-${run}`);
  const entries = (syncline: Syncline) => syncline.cache<string>(`entries-${run}`);
  const key = (i: number) => `key-${i}`;
  const each = (work: (i: number) => Promise<unknown>, count = COUNT) => ({
    count,
    make: (some: number) => times(some, work),
  });
  return {
    // First, while the table of all keys is small: each time that it grows its growth counts for what came last.
    'a queue that never had a message': each((i) => one.queue(`queue-${run}-${i}`).configure({}), QUEUES),
    'a queue whose messages were handled': each(async (i) => {
      const queue = one.queue<number>(`used-${run}-${i}`);
      await queue.send(i);
      for (const { receipt } of await queue.receive()) await queue.ack(receipt);
    }, QUEUES),
    'a held lock': each((i) => one.lock.acquire(`held-${run}-${i}`, { ttlMs: LONG_MS })),
    [`a message with its body of ${BYTES} bytes`]: each(() => messages.send('x'.repeat(BYTES - 2))),
    [`a cached value of ${BYTES} bytes with its key`]: each((i) =>
      entries(one).set(key(i), 'x'.repeat(BYTES - 2)),
    ),
    'a node that has it in its near cache': each((i) => entries(other).get(key(i))),
    'a name that was released (for 5 minutes)': each(async (i) => {
      await (await one.lock.acquire(`idle-${run}-${i}`)).release();
    }),
  };
}

const onRedis = (name: string, place: (stage: Stage) => Promise<Place>): Contestant => ({
  name,
  start: async (stage) => {
    const { url, servers } = await place(stage);
    const connections = servers.map((server) => server.connect());
    const each = (section: string, name: string) =>
      Promise.all(connections.map(async (redis) => field(await redis.info(section), name)));
    const commands = async () => sum(await each('stats', 'total_commands_processed'));
    const roles: readonly Role[] = ['lock', 'queue', 'cache'];
    const urls = {} as Record<Role, string[]>;
    for (const role of roles) {
      urls[role] = await stage.nodes(role, 2, { url });
      await sleep(SETTLE_MS);
    }
    const before = await commands();
    await sleep(IDLE_MS);
    // The last look counts itself.
    const idle = ((await commands()) - before - servers.length) / (IDLE_MS / 1_000);
    const through = (node: number) => {
      const of = (role: Role) => urls[role].slice(node, node + 1);
      return new Syncline({ lock: of('lock'), queue: of('queue'), cache: of('cache') });
    };
    const [one, other] = [through(0), through(1)];
    for (const { make } of Object.values(kindsOf(one, other, 0))) await make(AT_ONCE);
    let run = 0;
    return {
      measure: async (): Promise<Measurement> => {
        run += 1;
        const figures: Record<string, number> = { 'commands a second of six idle nodes': idle };
        const latencies = new Latencies();
        const startedAt = performance.now();
        let operations = 0;
        for (const [kind, { count, make }] of Object.entries(kindsOf(one, other, run))) {
          const from = performance.now();
          const had = await each('memory', 'used_memory');
          await make(count);
          await sleep(SETTLE_MS);
          const has = await each('memory', 'used_memory');
          const grown = has.map((bytes, i) => bytes - (had[i] ?? 0));
          figures[`${kind}, bytes`] = sum(grown) / count;
          if (servers.length > 1)
            figures[`${kind}, % on the fullest primary`] = (100 * Math.max(...grown)) / sum(grown);
          latencies.record(performance.now() - from);
          operations += count;
        }
        return { operations, seconds: (performance.now() - startedAt) / 1_000, latencies, figures };
      },
      stop: async () => {
        for (const redis of connections) redis.disconnect();
        await Promise.all([one.close(), other.close()]);
      },
    };
  },
});

export default benchmark({
  question: 'How much memory of Redis does each thing take, and how many commands do idle nodes send?',
  unit: 'things/s',
  rounds: 1,
  seconds: 1,
  contestants: [
    onRedis('one Redis', async (stage) => {
      const server = await stage.redis();
      return { url: server.url, servers: [server] };
    }),
    onRedis('a Redis Cluster of three primaries', (stage) => stage.cluster()),
  ],
  caveats: [
    'Read the bytes: growth of used_memory, divided by how many there are; the tables of Redis and its allocator are part of it. Scripts count as one command, and so does each command in a script.',
    'The rate means nothing. Where a run takes minutes, use `--warm-up 0`: names that the warm-up released are forgotten after five.',
  ],
});
