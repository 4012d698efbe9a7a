import { eventually, NodeProcess, RedisServer, stopAll } from '@syncline/testing';
import { buildMutant } from '../faults/core/mutant.js';

/** A node of a program whose Lua is written differently and does the same. */
const other = () =>
  buildMutant('cache', {
    name: 'another version',
    file: 'libs/caches/src/redis/scripts/parts/instance.lua',
    find: '-- Leaves: Instance.shared,',
    replace: '-- In another version.\n-- Leaves: Instance.shared,',
  });

const entry = (node: NodeProcess, key: string) => `${node.url}/v1/caches/c/entries/${key}`;
const put = async (node: NodeProcess, key: string, body: string) =>
  (await fetch(entry(node, key), { method: 'PUT', body })).status;
const get = async (node: NodeProcess, key: string) => {
  const response = await fetch(entry(node, key));
  return { text: await response.text(), source: response.headers.get('x-cache') };
};
const cached = (node: NodeProcess, key: string) =>
  eventually(async () => expect((await get(node, key)).source).toBe('near'));
const libraries = async (redis: RedisServer) => {
  const client = redis.connect();
  const listed = (await client.function('LIST', 'LIBRARYNAME', 'syncline_caches_*')) as unknown[];
  client.disconnect();
  return listed.length;
};

/** Each node writes what the others hold. */
async function areCoherent(nodes: readonly NodeProcess[], key: string): Promise<void> {
  for (const [i, writer] of nodes.entries()) {
    for (const node of nodes) await cached(node, key);
    expect(await put(writer, key, `${key} ${i}`)).toBe(200);
    for (const node of nodes) expect((await get(node, key)).text).toBe(`${key} ${i}`);
  }
}

describe('cache nodes that share a Redis', () => {
  let redis: RedisServer;
  let nodes: NodeProcess[] = [];
  beforeEach(async () => {
    redis = await RedisServer.start();
    nodes = [];
  });
  afterEach(async () => {
    await stopAll(nodes);
    await redis.stop();
  });
  const start = async (options: { dist?: string; user?: string } = {}) => {
    const { dist = 'dist', user } = options;
    const redisUrl = user ? redis.url.replace('redis://', `redis://${user}:secret@`) : redis.url;
    const node = await NodeProcess.start('cache', { redisUrl, nodeId: `cache_${nodes.length}`, dist });
    nodes.push(node);
    return node;
  };

  it('are coherent while two versions of them run, which agree on the instance', async () => {
    const old = await start();
    await put(old, 'k', 'value');
    await cached(old, 'k');
    const client = redis.connect();
    const instance = await client.get('syncline:{caches}:instance-3');
    const incarnations = () => client.hkeys(`syncline:{caches}:${instance}:alive`);
    const before = await incarnations();
    const { dist, remove } = await other();
    try {
      const fresh = await start({ dist });
      expect(await get(fresh, 'k')).toEqual({ text: 'value', source: 'store' });
      expect(await libraries(redis)).toBe(2);
      // What a node was promised outlives that another version loads its library.
      expect(await incarnations()).toEqual(expect.arrayContaining(before));
      await areCoherent(nodes, 'k');

      await client.function('FLUSH');
      await areCoherent(nodes, 'k');
      expect(await client.get('syncline:{caches}:instance-3')).toBe(instance);

      await redis.restart();
      await eventually(async () => expect([200, 201]).toContain(await put(old, 'k', 'again')), 20_000);
      await areCoherent(nodes, 'k');
    } finally {
      await stopAll(nodes.splice(0));
      await remove();
      client.disconnect();
    }
  });

  it('are coherent when one of them may call functions and the other may not', async () => {
    const admin = redis.connect();
    await admin.call(
      'ACL',
      'SETUSER',
      'scripts',
      'on',
      '>secret',
      '~*',
      '&*',
      '+@all',
      '-fcall',
      '-function',
    );
    await start();
    const restricted = await start({ user: 'scripts' });
    await put(restricted, 'k', 'value');
    await areCoherent(nodes, 'k');
    const evalsha = /cmdstat_evalsha:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1];
    expect(Number(evalsha)).toBeGreaterThan(0);
    await admin.script('FLUSH');
    await areCoherent(nodes, 'k');
    expect((await fetch(`${restricted.url}/v1/caches/c`, { method: 'DELETE' })).status).toBe(204);
    for (const node of nodes) expect((await fetch(entry(node, 'k'))).status).toBe(404);
    admin.disconnect();
  });
});
