import { eventually } from '@syncline/testing';
import { NodesStage } from '../stages/nodes-stage.js';

interface Described {
  readonly maxEntries: number | null;
  readonly stats: { readonly entries: number; readonly bytes: number; readonly evicted: number };
}

describe('what a cache keeps in Redis', () => {
  const stage = NodesStage.forTests('cache', 2);
  let cache = '';
  beforeEach(() => {
    cache = stage.name;
  });

  const url = (i: number, path = '') => `${stage.node(i).url}/v1/caches/${cache}${path}`;
  const put = async (i: number, key: string, body = 'x', query = '') => {
    const response = await fetch(`${url(i, `/entries/${encodeURIComponent(key)}`)}${query}`, {
      method: 'PUT',
      body,
    });
    await response.text();
    return response.status;
  };
  const get = async (i: number, key: string) => {
    const response = await fetch(url(i, `/entries/${encodeURIComponent(key)}`));
    return { status: response.status, text: await response.text(), source: response.headers.get('x-cache') };
  };
  const configure = async (config: object) => {
    const response = await fetch(url(0), {
      method: 'PUT',
      body: JSON.stringify(config),
      headers: { 'Content-Type': 'application/json' },
    });
    expect(response.status).toBe(200);
  };
  const describeCache = async () => (await (await fetch(url(0))).json()) as Described;
  const names = async () => {
    const { caches: listed } = (await (await fetch(`${stage.node(0).url}/v1/caches?limit=1000`)).json()) as {
      caches: { name: string }[];
    };
    return listed.map(({ name }) => name);
  };
  const drop = async () =>
    expect((await fetch(`${url(1)}?drop=true`, { method: 'DELETE' })).status).toBe(204);

  it('is nothing that lasts when entries and caches are asked for that do not exist', async () => {
    await stage.client.flushall();
    await eventually(async () => expect((await get(0, 'warm')).status).toBe(404));
    for (let i = 0; i < 1_300; i += 1) {
      cache = `none${i % 7}`;
      await Promise.all([
        get(0, `a${i}`),
        get(1, `b${i}`),
        fetch(url(0)),
        fetch(url(0, `/entries/f${i}/fill`), {
          method: 'POST',
          body: '{"leaseMs":100}',
          headers: { 'Content-Type': 'application/json' },
        }),
      ]);
    }
    expect(await names()).toEqual([]);
    await eventually(async () => {
      const kept = await stage.client.keys('syncline:{cache:none*');
      const lives = await Promise.all(kept.map((key) => stage.client.pttl(key)));
      // What a node knows of so many keys at most, for a minute at most.
      expect(lives.filter((ms) => ms < 0 || ms > 60_000)).toEqual([]);
      expect(kept.length).toBeLessThanOrEqual(2_100);
    });
  }, 60_000);

  it('leaves near caches to those that exist', async () => {
    const real = cache;
    await put(0, 'k');
    await get(0, 'k');
    for (let i = 0; i < 1_100; i += 1) {
      cache = `other${i}`;
      await get(0, 'k');
    }
    cache = real;
    await get(0, 'k');
    expect((await get(0, 'k')).source).toBe('near');
    cache = `${real}-new`;
    await put(0, 'k');
    await get(0, 'k');
    expect((await get(0, 'k')).source).toBe('near');
  }, 60_000);

  it('is gone, to the last key, when the cache is dropped', async () => {
    await configure({ defaultTtlMs: 600_000, maxEntries: 1_000 });
    for (let i = 0; i < 30; i += 1) await put(i % 2, `k${i}`, 'x', '?tags=t');
    expect((await get(0, 'k1')).status).toBe(200);
    expect((await get(1, 'k1')).status).toBe(200);
    expect(await names()).toContain(cache);
    await drop();
    for (const i of [0, 1]) expect((await get(i, 'k1')).status).toBe(404);
    expect(await names()).not.toContain(cache);
    expect((await describeCache()).maxEntries).toBeNull();
    await eventually(async () => {
      const kept = await stage.client.keys(`syncline:{cache:${cache}}*`);
      const lives = await Promise.all(kept.map((key) => stage.client.pttl(key)));
      expect(lives.filter((ms) => ms < 0 || ms > 60_000)).toEqual([]);
    }, 15_000);
    await drop();
    await put(1, 'k1', 'anew');
    for (const i of [0, 1]) expect((await get(i, 'k1')).text).toBe('anew');
    expect((await get(0, 'k2')).status).toBe(404);
    expect(await names()).toContain(cache);
  }, 30_000);

  it('has versions that go on after it was dropped and made again', async () => {
    const version = async () => {
      const response = await fetch(url(0, '/entries/k'), { method: 'PUT', body: 'x' });
      return BigInt(((await response.json()) as { version: string }).version);
    };
    const before = await version();
    await drop();
    expect(await version()).toBeGreaterThan(before);
  });

  it('is bounded by entries: what nobody asks for goes first', async () => {
    await configure({ maxEntries: 50 });
    await put(0, 'used');
    await get(0, 'used');
    for (let i = 0; i < 300; i += 1) {
      await put(i % 2, `k${i}`);
      expect((await get(1, `k${i}`)).status).toBe(200);
    }
    await eventually(async () => expect((await describeCache()).stats.entries).toBeLessThanOrEqual(50));
    const { stats } = await describeCache();
    expect(stats.entries).toBeGreaterThan(30);
    expect(stats.evicted).toBeGreaterThanOrEqual(250);
    expect(await stage.client.zcard(`syncline:{cache:${cache}}:index`)).toBe(stats.entries);
  }, 30_000);

  it('is bounded by bytes, also when a bound is set on what is there already', async () => {
    for (let i = 0; i < 60; i += 1) await put(0, `k${i}`, 'x'.repeat(1_000));
    await configure({ maxBytes: 20_000 });
    await eventually(
      async () => expect((await describeCache()).stats.bytes).toBeLessThanOrEqual(20_000),
      10_000,
    );
    for (let i = 0; i < 40; i += 1) await put(0, `l${i}`, 'x'.repeat(1_000));
    await eventually(async () => expect((await describeCache()).stats.bytes).toBeLessThanOrEqual(20_000));
    expect(await put(0, 'large', 'x'.repeat(20_001))).toBe(413);
  }, 30_000);

  it('forgets who held an entry once he is gone, however many came and went', async () => {
    await put(0, 'k');
    await get(0, 'k');
    const at = (await stage.client.keys(`syncline:{cache:${cache}}*:c:kk`))[0] ?? '';
    const former = Array.from({ length: 9_000 }, (_, i) => [`scache_9#${i}`, i]).flat();
    for (let i = 0; i < former.length; i += 2_000) await stage.client.hset(at, ...former.slice(i, i + 2_000));
    await get(1, 'k');
    expect(await stage.client.hlen(at)).toBeLessThan(10);
    for (let i = 0; i < former.length; i += 2_000) await stage.client.hset(at, ...former.slice(i, i + 2_000));
    expect(await put(0, 'k', 'new')).toBe(200);
    for (const i of [0, 1]) expect((await get(i, 'k')).text).toBe('new');
  });
});
