import type { Cache, Caches, Entries, ReadEntries } from '@syncline/contracts';
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
    await redis.serveInParts();
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
    expect(new Set(caches.map((cache) => shards.of(cache, 'k').key)).size).toBeGreaterThan(10);
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

  describe('of one big cache', () => {
    const KEYS = 10_000;
    const BATCH = 100;
    const of = (node: number, path = '') => `${nodes[node]?.url}/v1/caches/big${path}`;
    const send = (node: number, path: string, method: string, body: object) => {
      const headers = { 'Content-Type': 'application/json' };
      return fetch(of(node, path), { method, headers, body: JSON.stringify(body) });
    };
    const described = async () => (await (await fetch(of(1))).json()) as Cache;
    const keys = Array.from({ length: KEYS }, (_, i) => `user:${i}`);
    const batches = Array.from({ length: KEYS / BATCH }, (_, i) => keys.slice(i * BATCH, (i + 1) * BATCH));
    const read = async (node: number, some: readonly string[]) => {
      const { entries } = (await (await send(node, '/mget', 'POST', { keys: some })).json()) as ReadEntries;
      return entries.map((entry) => ('value' in entry ? entry.value : null));
    };
    /** Reads until all of them are held, and then once more. */
    const held = (node: number, some: readonly string[], value: string) =>
      eventually(async () => {
        await read(node, some);
        const { nearHits } = (await described()).stats.node;
        expect(await read(node, some)).toEqual(some.map(() => value));
        expect((await described()).stats.node.nearHits).toBe(nearHits + some.length);
      });
    const write = async (some: readonly string[], value: string) => {
      const entries = some.map((key) => ({ key, value, tags: ['t'] }));
      expect((await send(0, '/mset', 'POST', { entries })).status).toBe(200);
    };
    const keysOf = async (server: RedisServer, pattern: string) => {
      const client = server.connect();
      const found = await client.keys(pattern);
      client.disconnect();
      return found;
    };

    it('spread over all primaries, and tell of it as of one', async () => {
      // Made one by one by the first writes, parts begin with what is configured.
      expect((await send(0, '', 'PUT', { defaultTtlMs: 3_600_000 })).status).toBe(200);
      for (const batch of batches) await write(batch, 'old');
      const found = (await redis.primaries()).map((server) =>
        keysOf(server, 'syncline:{caches:*}:{big}:v:*'),
      );
      const shares = (await Promise.all(found)).map(({ length }) => length);
      console.info(`Entries at each primary: ${shares.join(', ')}`);
      expect(shares.reduce((sum, share) => sum + share)).toBe(KEYS);
      expect(Math.min(...shares)).toBeGreaterThan(KEYS / shares.length / 2);
      const { defaultTtlMs, stats } = await described();
      expect([defaultTtlMs, stats.entries, stats.bytes]).toEqual([
        3_600_000,
        KEYS,
        keys.reduce((sum, key) => sum + key.length + 'old'.length, 0),
      ]);
      const listed: string[] = [];
      for (let cursor: string | null = ''; cursor !== null; ) {
        const query = new URLSearchParams({ limit: '1000', ...(cursor && { cursor }) });
        const page = (await (await fetch(of(0, `/entries?${query}`))).json()) as Entries;
        listed.push(...page.entries.map(({ key }) => key));
        expect(page.entries.every(({ expiresAt }) => expiresAt !== null)).toBe(true);
        ({ cursor } = page);
      }
      expect(listed.sort()).toEqual([...keys].sort());
      expect((await fetch(of(0, '/entries?cursor=7-no'))).status).toBe(400);
    });

    it('give way in all of its parts to what invalidates many entries', async () => {
      const [some] = batches as [string[]];
      expect(new Set(some.map((key) => shards.of('big', key))).size).toBe(shards.all.length);
      const changes = [
        () => send(0, '/invalidate', 'POST', { tags: ['t'] }),
        () => send(0, '/invalidate', 'POST', { prefix: 'user:' }),
        () => fetch(of(0), { method: 'DELETE' }),
      ];
      for (const change of changes) {
        await write(some, 'older');
        await held(1, some, 'older');
        expect((await change()).ok).toBe(true);
        expect(await read(1, some)).toEqual(some.map(() => null));
      }
      await eventually(async () => expect((await described()).stats.entries).toBe(0));
    });

    it('are configured alike in all parts in the end, whoever configures, drops and writes at one time', async () => {
      const configure = (node: number, defaultTtlMs: number) => send(node, '', 'PUT', { defaultTtlMs });
      const configured = async () => {
        const primaries = await redis.primaries();
        const found = primaries.map(async (server) => {
          const client = server.connect();
          const parts = await client.keys('syncline:{caches:*}:{big}');
          const states = await Promise.all(parts.map((part) => client.get(part)));
          client.disconnect();
          return states.map((state) => state?.split(' ')[5]);
        });
        return (await Promise.all(found)).flat();
      };
      for (let i = 1; i <= 20; i += 1) {
        await Promise.all([configure(0, i * 1_000), configure(1, i * 1_000 + 1)]);
        expect(new Set(await configured()).size).toBe(1);
        const [some] = batches as [string[]];
        await Promise.all([
          configure(0, i * 1_000 + 2),
          fetch(of(1, '?drop=true'), { method: 'DELETE' }),
          ...some.map((key) => fetch(of(i % 2, `/entries/${key}`), { method: 'PUT', body: 'x' })),
        ]);
        expect(new Set(await configured()).size).toBeLessThanOrEqual(1);
      }
    });

    it('stay within the bounds, each part within its share', async () => {
      expect((await send(0, '', 'PUT', { maxEntries: 320 })).status).toBe(200);
      for (const batch of batches.slice(0, 10)) await write(batch, 'x');
      await eventually(async () => expect((await described()).stats.entries).toBeLessThanOrEqual(320));
      expect((await described()).stats.entries).toBeGreaterThan(250);
      // A value that is larger than the share of a part has the part for itself.
      expect((await send(0, '', 'PUT', { maxBytes: 32_000 })).status).toBe(200);
      for (const key of ['large', 'larger']) await write([key], 'x'.repeat(20_000));
      expect(await read(0, ['large', 'larger'])).toEqual(Array(2).fill('x'.repeat(20_000)));
    });

    it('leave nothing behind when it is dropped, and are listed until then', async () => {
      const names = async () => {
        const { caches: all } = (await (
          await fetch(`${nodes[1]?.url}/v1/caches?prefix=big`)
        ).json()) as Caches;
        return all.map(({ name }) => name);
      };
      expect(await names()).toEqual(['big']);
      expect((await fetch(of(0, '?drop=true'), { method: 'DELETE' })).ok).toBe(true);
      expect(await names()).toEqual([]);
      // But for outcomes of writes and who held what, which are forgotten in a minute.
      await eventually(async () => {
        const left = redis.servers.map((server) => keysOf(server, 'syncline:{caches:*}:{big}*'));
        expect((await Promise.all(left)).flat().filter((key) => !/:[cr]:/.test(key))).toEqual([]);
      });
    });
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
    const frozen = await redis.primaryOf(shards.of(first, 'k').key);
    const primaryOf = async (cache: string): Promise<RedisServer> =>
      redis.primaryOf(shards.of(cache, 'k').key);
    const others: string[] = [];
    for (const cache of caches) if ((await primaryOf(cache)) !== frozen) others.push(cache);
    expect(others.length).toBeGreaterThan(0);
    await Promise.all(caches.map((cache) => put(0, cache, 'before')));
    await Promise.all(others.map((cache) => cached(1, cache, 'before')));
    frozen.freeze();
    try {
      const refused: number[] = [];
      const timed = async (act: () => Promise<unknown>) => {
        const from = performance.now();
        await act();
        refused.push(performance.now() - from);
      };
      const invalidate = async () => {
        const body = JSON.stringify({ tags: ['t'] });
        const headers = { 'Content-Type': 'application/json' };
        const url = `${nodes[1]?.url}/v1/caches/${first}/invalidate`;
        return (await fetch(url, { method: 'POST', headers, body })).status;
      };
      const own = (async () => {
        // Not all parts did it, so it is not done.
        await timed(async () => expect(await invalidate()).toBe(503));
        for (let i = 0; i < 2; i += 1) await timed(() => read(1, first));
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
      await eventually(async () => expect(await invalidate()).toBe(200));
      await put(0, first, 'after');
      await cached(1, first, 'after');
    } finally {
      frozen.thaw();
    }
  });
});
