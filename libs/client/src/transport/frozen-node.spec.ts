import { answeredBy, type NodeProcess, RedisServer, startNodes, stopAll } from '@syncline/testing';
import { CacheClient } from '../index.js';

/** A call that took this long was stalled. */
const STALL_MS = 1_500;
/** Longer than two timeouts of an attempt. */
const LOOK_FOR_MS = 12_000;

describe('a frozen node', () => {
  let redis: RedisServer;
  let nodes: NodeProcess[] = [];
  let client: CacheClient;

  beforeAll(async () => {
    redis = await RedisServer.start();
    nodes = await startNodes('cache', 2, { redisUrl: redis.url });
    client = new CacheClient({ urls: nodes.map(({ url }) => url) });
  });
  afterAll(async () => {
    await client?.close();
    await stopAll(nodes);
    await redis?.stop();
  });

  it('stalls its callers only once, and is used again when it answers', async () => {
    const cache = client.cache<number>('frozen');
    const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
    for (const [i, key] of keys.entries()) await cache.set(key, i);

    nodes[0]?.freeze();
    const until = performance.now() + LOOK_FOR_MS;
    let stalls = 0;
    let reads = 0;
    try {
      while (performance.now() < until) {
        const startedAt = performance.now();
        const i = reads % keys.length;
        expect(await cache.get(keys[i] as string)).toBe(i);
        if (performance.now() - startedAt > STALL_MS) stalls += 1;
        reads += 1;
      }
    } finally {
      nodes[0]?.thaw();
    }
    expect(stalls).toBeLessThanOrEqual(2);
    expect(reads).toBeGreaterThan(keys.length);

    const served = () => answeredBy(nodes.slice(0, 1), /entries|mget/);
    const before = await served();
    for (let i = 0; (await served()) === before; i += 1) {
      expect(i).toBeLessThan(1_000);
      for (const key of keys) await cache.get(key);
    }
  });
});
