import { eventually } from '@syncline/testing';
import { NodesStage } from '../stages/nodes-stage.js';

describe('what an invalidation spares', () => {
  const stage = NodesStage.forTests('cache', 2);
  let cache = '';
  beforeEach(() => {
    cache = stage.name;
  });

  const url = (i: number, path: string) =>
    `${stage.node(i).url}/v1/caches/${encodeURIComponent(cache)}${path}`;
  const at = (i: number, key: string) => url(i, `/entries/${encodeURIComponent(key)}`);
  const put = async (key: string, body = 'x', query = '') => {
    const response = await fetch(`${at(0, key)}${query}`, { method: 'PUT', body });
    await response.text();
    expect([200, 201]).toContain(response.status);
  };
  const get = async (i: number, key: string) => {
    const response = await fetch(at(i, key));
    return { status: response.status, text: await response.text(), source: response.headers.get('x-cache') };
  };
  const post = async (i: number, path: string, body: object) => {
    const headers = { 'Content-Type': 'application/json' };
    const response = await fetch(url(i, path), { method: 'POST', body: JSON.stringify(body), headers });
    expect(response.status).toBe(200);
    return response.json();
  };

  it('a prefix leaves all else in the near caches', async () => {
    for (const key of ['user/1', 'page/1']) {
      await put(key);
      await get(1, key);
    }
    await post(0, '/invalidate', { prefix: 'user/' });
    expect((await get(1, 'user/1')).status).toBe(404);
    await eventually(async () => expect((await get(1, 'page/1')).source).toBe('near'));
    const { stats } = (await (await fetch(url(1, ''))).json()) as { stats: { node: { storeHits: number } } };
    expect(stats.node.storeHits).toBe(2);
  });

  it('prefixes of a hundred lengths flush nothing, and most are forgotten once they are swept', async () => {
    await put('kept');
    for (let length = 1; length <= 100; length += 1) {
      await put(`${'p'.repeat(length)}q`);
      await post(length % 2, '/invalidate', { prefix: 'p'.repeat(length) });
      expect((await get(0, `${'p'.repeat(length)}q`)).status).toBe(404);
    }
    for (const i of [0, 1]) expect((await get(i, 'kept')).status).toBe(200);
    const stem = `syncline:{cache:${cache}}`;
    await eventually(async () => {
      // A few are kept for fill leases that are under way.
      expect(await stage.client.zcard(`${stem}:prefix-marks`)).toBeLessThanOrEqual(16);
      expect(await stage.client.hlen(`${stem}:lengths`)).toBe(
        await stage.client.zcard(`${stem}:prefix-marks`),
      );
      expect(await stage.client.zcard(`${stem}:index`)).toBe(1);
    }, 20_000);
    for (const i of [0, 1]) expect((await get(i, 'ppq')).status).toBe(404);
    for (const i of [0, 1]) expect((await get(i, 'kept')).status).toBe(200);
  }, 60_000);

  it.each(['__proto__', 'constructor', 'hasOwnProperty'])('names like %s are names', async (name) => {
    cache = name;
    await put(name, 'a', `?tags=${name}`);
    await put('other', 'b');
    for (const i of [0, 1]) {
      expect((await get(i, name)).text).toBe('a');
      expect((await get(i, name)).source).toBe('near');
    }
    await post(1, '/invalidate', { tags: [name] });
    for (const i of [0, 1]) expect((await get(i, name)).status).toBe(404);
    await put(name, 'again');
    await post(1, '/invalidate', { prefix: name });
    for (const i of [0, 1]) expect((await get(i, name)).status).toBe(404);
    expect((await get(1, 'other')).text).toBe('b');
    expect((await fetch(`${url(0, '')}?drop=true`, { method: 'DELETE' })).status).toBe(204);
    for (const i of [0, 1]) expect((await get(i, 'other')).status).toBe(404);
  });

  it('one value that is asked for a thousand times at once leaves Redis once', async () => {
    await put('large', 'x'.repeat(700_000));
    const sent = async () =>
      Number(/total_net_output_bytes:(\d+)/.exec(await stage.client.info('stats'))?.[1]);
    const before = await sent();
    await post(0, '/mget', { keys: Array.from({ length: 1_000 }, () => 'large') });
    expect((await sent()) - before).toBeLessThan(3_000_000);
  });
});
