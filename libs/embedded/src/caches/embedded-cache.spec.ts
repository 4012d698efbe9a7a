import { setImmediate as turn } from 'node:timers/promises';
import { CacheClient, type Syncline, ValidationError } from '@syncline/client';
import { eventually, type NodeProcess, RedisServer, startNodes, stopAll } from '@syncline/testing';
import { embed } from '../index.js';

let redis: RedisServer;
let nodes: NodeProcess[];
let atNode: CacheClient;
let here: Syncline;

beforeAll(async () => {
  redis = await RedisServer.start();
  nodes = await startNodes('cache', 1, { redisUrl: redis.url });
  atNode = new CacheClient({ urls: nodes.map(({ url }) => url) });
  here = await embed({ redis: redis.url, roles: ['cache'], name: 'here' });
});
afterAll(async () => {
  await here?.close();
  await atNode?.close();
  await stopAll(nodes ?? []);
  await redis?.stop();
});

/** Longer than a lease. */
const BLOCKED_MS = 1_200;
const block = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

/** Reads until memory answers. */
const held = <Value>(cache: ReturnType<typeof here.cache<Value>>, key: string) =>
  eventually(async () => {
    await cache.get(key);
    expect(cache.peek(key)).toBeDefined();
  });

describe('an embedded cache and a node', () => {
  it('show each other every write once it was answered', async () => {
    const [mine, theirs] = [here.cache<number>('both'), atNode.cache<number>('both')];
    for (let i = 0; i < 200; i += 1) {
      await (i % 2 ? mine : theirs).set('k', i);
      // Undefined where only Redis can tell; never the value before.
      expect([undefined, i]).toContain(mine.peek('k'));
      expect([await mine.get('k'), await theirs.get('k')]).toEqual([i, i]);
      expect([undefined, i]).toContain(mine.peek('k'));
    }
    expect(theirs.peek('k')).toBeUndefined();
  });

  it('invalidate what the other holds by tag, by prefix and as a whole', async () => {
    const [mine, theirs] = [here.cache<number>('many'), atNode.cache<number>('many')];
    const changes = [
      () => theirs.invalidateTags('t'),
      () => theirs.invalidatePrefix('us'),
      () => theirs.delete('user'),
      () => theirs.flush(),
      () => mine.invalidateTags('t'),
      () => mine.flush(),
    ];
    for (const change of changes) {
      await mine.set('user', 1, { tags: ['t'] });
      await held(mine, 'user');
      await theirs.get('user');
      await change();
      expect(mine.peek('user')).toBeUndefined();
      expect([await mine.get('user'), await theirs.get('user')]).toEqual([undefined, undefined]);
    }
  });
});

describe('the memory of an embedded cache', () => {
  it('answers without a Redis command, and gives all callers one value that none can change', async () => {
    const cache = here.cache<{ tags: string[] }>('near');
    await cache.set('k', { tags: ['a'] });
    await held(cache, 'k');
    const connection = redis.connect();
    const reads = async () =>
      [...(await connection.info('commandstats')).matchAll(/cmdstat_hmget:calls=(\d+)/g)].map(([, n]) => n);
    const before = await reads();
    const value = cache.peek('k');
    for (let i = 0; i < 500; i += 1) {
      expect(cache.peek('k')).toBe(value);
      expect(await cache.get('k')).toBe(value);
      await turn();
    }
    expect(await cache.getOrSet('k', () => ({ tags: [] }), { staleMs: 1_000 })).toBe(value);
    expect((await cache.getEntry('k'))?.value).toBe(value);
    // One audit a second looks at Redis.
    expect(Number((await reads())[0]) - Number(before[0])).toBeLessThan(50);
    expect(() => value?.tags.push('b')).toThrow(TypeError);
    expect((await cache.inspect()).stats.node).toMatchObject({ entries: 1, leased: true });
    connection.disconnect();
  });

  it('does not answer once its lease ended: the event loop was blocked, or Redis is away', async () => {
    const cache = here.cache<number>('lease');
    await cache.set('k', 1);
    await held(cache, 'k');
    block(BLOCKED_MS);
    expect(cache.peek('k')).toBeUndefined();
    expect(await cache.get('k')).toBe(1);
    await held(cache, 'k');
    redis.freeze();
    await eventually(() => expect(cache.peek('k')).toBeUndefined());
    redis.thaw();
    await held(cache, 'k');
  });

  it('is bounded, with what the values were decoded to', async () => {
    await using small = await embed({ redis: redis.url, roles: ['cache'], nearCacheBytes: 100_000 });
    const cache = small.cache<number[]>('bounded');
    const keys = Array.from({ length: 30 }, (_, i) => `k${i}`);
    const numbers = Array.from({ length: 100 }, (_, i) => i + 0.5);
    await Promise.all(keys.map((key) => cache.set(key, numbers)));
    for (const key of keys) {
      await held(cache, key);
      expect((await cache.inspect()).stats.node.bytes).toBeLessThanOrEqual(100_000);
    }
    expect(keys.filter((key) => cache.peek(key) !== undefined).length).toBeLessThan(keys.length);
    await using none = await embed({ redis: redis.url, roles: ['cache'], nearCacheBytes: 0 });
    await none.cache('bounded').get('k0');
    expect(none.cache('bounded').peek('k0')).toBeUndefined();
    await expect(embed({ redis: redis.url, nearCacheBytes: -1 })).rejects.toThrow(ValidationError);
  });
});

it('an embedded cache lists what there is, and knows its cluster', async () => {
  const cache = here.cache<number>('listed');
  await Promise.all(Array.from({ length: 250 }, (_, i) => cache.set(`k${i}`, i, { ttlMs: 60_000 })));
  const listed = new Set<string>();
  for await (const { key, expiresAt } of cache.entries('k')) {
    listed.add(key);
    expect(expiresAt).toMatch(/Z$/);
  }
  expect(listed.size).toBe(250);
  const { members } = await atNode.cluster();
  expect(members.filter(({ kind }) => kind === 'embedded')).toHaveLength(1);
});
