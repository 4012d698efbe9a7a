import { eventually, type NodeProcess, RedisServer, startNodes, stopAll } from '@syncline/testing';

const entry = (node: NodeProcess, key: string) =>
  `${node.url}/v1/caches/c/entries/${encodeURIComponent(key)}`;
const put = (node: NodeProcess, key: string, body: string) =>
  fetch(entry(node, key), { method: 'PUT', headers: { 'Content-Type': 'text/plain' }, body });
const read = async (node: NodeProcess, key: string) => {
  const response = await fetch(entry(node, key));
  return { status: response.status, text: await response.text() };
};
/** Writes that waited a lease for a node that said nothing. */
const forcedWrites = async (node: NodeProcess) =>
  Number(/^cache_forced_writes_total (\d+)$/m.exec(await (await fetch(`${node.url}/metrics`)).text())?.[1]);

describe('a cache on three nodes', () => {
  let redis: RedisServer;
  let nodes: NodeProcess[] = [];

  beforeAll(async () => {
    redis = await RedisServer.start({ durable: true });
    nodes = await startNodes('cache', 3, { redisUrl: redis.url });
  });
  afterAll(async () => {
    await stopAll(nodes);
    await redis?.stop();
  });

  it('serves every write through every node at once', async () => {
    for (let i = 0; i < 30; i += 1) {
      const writer = nodes[i % 3] as NodeProcess;
      expect((await put(writer, 'shared', `${i}`)).ok).toBe(true);
      for (const node of nodes) expect(await read(node, 'shared')).toEqual({ status: 200, text: `${i}` });
    }
    await fetch(entry(nodes[0] as NodeProcess, 'shared'), { method: 'DELETE' });
    for (const node of nodes) expect((await read(node, 'shared')).status).toBe(404);
  });

  it('answers 503 while Redis is away, and serves again when it is back', async () => {
    const [node] = nodes as [NodeProcess];
    await put(node, 'before', 'x');
    await redis.kill();
    const refused = await put(node, 'away', 'x');
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(((await refused.json()) as { code: string }).code).toBe('store-unavailable');
    await redis.restart();
    await eventually(async () => expect((await put(node, 'back', 'y')).ok).toBe(true));
    for (const other of nodes) {
      await eventually(async () => expect(await read(other, 'back')).toEqual({ status: 200, text: 'y' }));
    }
  });

  it('serves nothing from before a loss of all data, on any node', async () => {
    const [a, b] = nodes as [NodeProcess, NodeProcess];
    await eventually(async () => expect((await put(b, 'lost', 'old')).ok).toBe(true));
    await read(a, 'lost');
    const client = redis.connect();
    await client.flushall();
    client.disconnect();
    await eventually(async () => expect((await put(b, 'lost', 'new')).ok).toBe(true));
    expect(await read(a, 'lost')).toEqual({ status: 200, text: 'new' });
  });

  it('is empty after a restart of a Redis that may have forgotten writes, and its versions go on', async () => {
    const [a, b] = nodes as [NodeProcess, NodeProcess];
    const before = (await (await put(a, 'restarted', 'old')).json()) as { version: string };
    await redis.kill();
    await redis.restart();
    await eventually(async () => expect((await read(b, 'restarted')).status).toBe(404));
    const after = (await (await put(b, 'restarted', 'new')).json()) as { version: string };
    expect(BigInt(after.version)).toBeGreaterThan(BigInt(before.version));
  });

  it('keeps its entries over a restart of a Redis that syncs every write', async () => {
    await using durable = await RedisServer.start({ durable: true, args: ['--appendfsync', 'always'] });
    const others = await startNodes('cache', 2, { redisUrl: durable.url });
    try {
      const [c, d] = others as [NodeProcess, NodeProcess];
      expect((await put(c, 'kept', 'x')).ok).toBe(true);
      await durable.kill();
      await durable.restart();
      await eventually(async () => expect(await read(d, 'kept')).toEqual({ status: 200, text: 'x' }));
    } finally {
      await stopAll(others);
    }
  });

  it('does not wait for a node that left', async () => {
    const [a, b, c] = nodes as [NodeProcess, NodeProcess, NodeProcess];
    await put(a, 'left', 'old');
    await Promise.all([read(b, 'left'), read(c, 'left')]);
    await c.stop();
    nodes = [a, b];
    const forced = await forcedWrites(a);
    expect((await put(a, 'left', 'new')).ok).toBe(true);
    expect(await forcedWrites(a)).toBe(forced);
    expect(await read(b, 'left')).toEqual({ status: 200, text: 'new' });
  });
});
