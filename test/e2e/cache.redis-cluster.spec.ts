import type { Caches } from '@syncline/contracts';
import {
  eventually,
  type NodeProcess,
  RedisCluster,
  type RedisServer,
  startNodes,
  stopAll,
} from '@syncline/testing';
import { Shards } from '../../libs/caches/src/redis/shards.js';

const NODES = 2;
const CACHES = 24;
const shards = new Shards({ isCluster: true });
/** Longest time until a call is answered. */
const BOUND_MS = 5_000;

describe('near caches on a Redis Cluster', () => {
  let redis: RedisCluster;
  let nodes: NodeProcess[] = [];

  beforeAll(async () => {
    redis = await RedisCluster.start({ replicas: 1 });
    // Otherwise no primary serves anything until the replica of one that is away has taken over.
    for (const server of redis.servers) {
      const client = server.connect();
      await client.config('SET', 'cluster-require-full-coverage', 'no');
      client.disconnect();
    }
    nodes = await startNodes('cache', NODES, { redisUrl: redis.url });
  });
  afterAll(async () => {
    await stopAll(nodes);
    await redis?.stop();
  });

  const caches = Array.from({ length: CACHES }, (_, i) => `c${i}`);
  const at = (node: number, cache: string) => `${nodes[node]?.url}/v1/caches/${cache}/entries/k`;
  const put = (node: number, cache: string, body: string) =>
    eventually(async () => expect((await fetch(at(node, cache), { method: 'PUT', body })).ok).toBe(true));
  const read = async (node: number, cache: string) => {
    const response = await fetch(at(node, cache));
    return {
      status: response.status,
      text: await response.text(),
      source: response.headers.get('x-cache'),
    };
  };
  const cached = (node: number, cache: string, text: string) =>
    eventually(async () => expect(await read(node, cache)).toEqual({ status: 200, text, source: 'near' }));
  /** How often all of Redis was asked for something. Only a renewal reads a list. */
  const calls = async (command: string) => {
    const counts = redis.servers.map(async (server) => {
      const client = server.connect();
      const stats = await client.info('commandstats');
      client.disconnect();
      return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
    });
    return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
  };

  it('serve hits in every shard, and give way to each write', async () => {
    expect(new Set(caches.map((cache) => shards.of(cache).key)).size).toBeGreaterThan(10);
    await Promise.all(
      caches.map(async (cache) => {
        await put(0, cache, 'old');
        await cached(1, cache, 'old');
        await put(0, cache, 'new');
        expect((await read(1, cache)).text).toBe('new');
        await cached(1, cache, 'new');
      }),
    );
    const answer = await fetch(`${nodes[0]?.url}/v1/caches?limit=${CACHES}`);
    const listed = (await answer.json()) as Caches;
    expect(listed.caches.map(({ name }) => name)).toEqual([...caches].sort());
    // Each is listed where it lies, so that none depends on the primary of another.
    const [primary] = redis.servers as [RedisServer];
    const client = primary.connect();
    expect((await client.keys('syncline:{caches:*}:names')).length).toBeGreaterThan(1);
    client.disconnect();
  });

  it('cost Redis nothing while nobody reads them', async () => {
    await Promise.all(caches.map((cache) => put(0, cache, 'x').then(() => cached(1, cache, 'x'))));
    await eventually(async () => {
      const before = await calls('lrange');
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      expect((await calls('lrange')) - before).toBe(0);
    }, 60_000);
    // A cache that is read again renews in its own shard alone.
    const [cache] = caches as [string];
    const before = await calls('lrange');
    const reads = 10;
    for (let i = 0; i < reads; i += 1) await cached(1, cache, 'x');
    expect((await calls('lrange')) - before).toBeLessThan(reads);
  });

  it('of other shards are not held up by a primary that froze, and its own are served by its replica', async () => {
    const [first] = caches as [string];
    const frozen = await redis.primaryOf(shards.of(first).key);
    const primaryOf = async (cache: string): Promise<RedisServer> => redis.primaryOf(shards.of(cache).key);
    const others: string[] = [];
    for (const cache of caches) if ((await primaryOf(cache)) !== frozen) others.push(cache);
    expect(others.length).toBeGreaterThan(0);
    await Promise.all(caches.map((cache) => put(0, cache, 'before')));
    await Promise.all(others.map((cache) => cached(1, cache, 'before')));
    frozen.freeze();
    try {
      const refused: number[] = [];
      const own = (async () => {
        for (let i = 0; i < 3; i += 1) {
          const from = performance.now();
          await read(1, first);
          refused.push(performance.now() - from);
        }
      })();
      let over = false;
      void own.finally(() => {
        over = true;
      });
      const sources = new Set<string | null>();
      while (!over) {
        for (const cache of others) {
          const { status, source } = await read(1, cache);
          expect(status).toBe(200);
          sources.add(source);
        }
        const [other] = others as [string];
        await put(0, other, 'meanwhile');
        expect((await read(1, other)).text).toBe('meanwhile');
      }
      await own;
      expect(Math.max(...refused)).toBeLessThan(BOUND_MS);
      expect(sources).toContain('near');
      await eventually(async () => expect((await read(1, first)).status).toBe(404), 30_000);
      await put(0, first, 'after');
      await cached(1, first, 'after');
    } finally {
      frozen.thaw();
    }
  });
});
