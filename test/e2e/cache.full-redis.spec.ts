import { NodeProcess, RedisServer } from '@syncline/testing';

describe('a cache on a Redis that is full', () => {
  let redis: RedisServer;
  let node: NodeProcess;
  const at = (key: string) => `${node.url}/v1/caches/c/entries/${encodeURIComponent(key)}`;
  const put = async (key: string, body: string, query = '') =>
    (await fetch(`${at(key)}${query}`, { method: 'PUT', body })).status;
  const post = (path: string, body: object) =>
    fetch(`${node.url}/v1/caches/c${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'Content-Type': 'application/json' },
    });
  const status = async (key: string, headers: Record<string, string> = {}) => {
    const response = await fetch(at(key), { headers });
    await response.arrayBuffer();
    return response.status;
  };
  const usedMemory = async () => {
    const client = redis.connect();
    const info = await client.info('memory');
    client.disconnect();
    return Number(/^used_memory:(\d+)/m.exec(info)?.[1]);
  };
  const limit = async (bytes: number) => {
    const client = redis.connect();
    await client.config('SET', 'maxmemory', bytes);
    client.disconnect();
  };

  beforeAll(async () => {
    redis = await RedisServer.start();
    node = await NodeProcess.start('cache', { redisUrl: redis.url, nodeId: 'cache_1' });
    for (let i = 0; i < 40; i += 1) expect(await put(`tagged/${i}`, 'x'.repeat(1_000), '?tags=t')).toBe(201);
    for (let i = 0; i < 40; i += 1) expect(await put(`plain/${i}`, 'x'.repeat(1_000))).toBe(201);
    // A value that is held by a near cache, so that its delete needs a round.
    expect(await status('plain/1')).toBe(200);
    await limit(1_000_000);
  });
  afterAll(async () => {
    await node?.stop();
    await redis?.stop();
  });

  it('refuses new and larger values as a whole, and grows no further', async () => {
    const before = await usedMemory();
    for (let i = 0; i < 30; i += 1) expect(await put(`new/${i}`, 'x'.repeat(10_000))).toBe(503);
    expect(await put('plain/2', 'x'.repeat(100_000))).toBe(503);
    expect((await post('/entries/counter/increment', {})).status).toBe(503);
    expect((await usedMemory()) - before).toBeLessThan(200_000);
    expect(await status('new/0')).toBe(404);
  });

  it('reads what is there, from Redis and again', async () => {
    for (const key of ['plain/1', 'plain/2', 'plain/3', 'plain/3']) expect(await status(key)).toBe(200);
    expect(await status('plain/1', { 'Cache-Control': 'no-cache' })).toBe(200);
    const many = (await (await post('/mget', { keys: ['plain/4', 'none'] })).json()) as {
      entries: { found: boolean }[];
    };
    expect(many.entries.map(({ found }) => found)).toEqual([true, false]);
    expect(((await (await post('/entries/plain%2F5/fill', {})).json()) as { status: string }).status).toBe(
      'hit',
    );
  });

  it('deletes, invalidates, configures and flushes', async () => {
    expect((await fetch(at('plain/1'), { method: 'DELETE' })).status).toBe(204);
    expect(await status('plain/1')).toBe(404);
    expect((await post('/invalidate', { tags: ['t'] })).status).toBe(200);
    expect(await status('tagged/1')).toBe(404);
    expect((await post('/invalidate', { prefix: 'plain/2' })).status).toBe(200);
    expect(await status('plain/2')).toBe(404);
    const configured = await fetch(`${node.url}/v1/caches/c`, {
      method: 'PUT',
      body: JSON.stringify({ maxEntries: 1_000 }),
      headers: { 'Content-Type': 'application/json' },
    });
    expect(configured.status).toBe(200);
    expect((await fetch(`${node.url}/v1/caches/c`, { method: 'DELETE' })).status).toBe(204);
    expect(await status('plain/3')).toBe(404);
    expect((await fetch(`${node.url}/v1/caches/c?drop=true`, { method: 'DELETE' })).status).toBe(204);
  });

  it('stores again when there is room', async () => {
    await limit(0);
    expect(await put('later', 'x')).toBe(201);
  });
});
