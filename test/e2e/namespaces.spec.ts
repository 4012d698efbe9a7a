import { Syncline } from '@syncline/client';
import type { Cluster, Role } from '@syncline/contracts';
import { eventually, NodeProcess, RedisServer, stopAll } from '@syncline/testing';

const ROLES: readonly Role[] = ['lock', 'queue', 'cache'];

/** One cluster, in a namespace or a database of its own. The nodes of all of them have the same names. */
async function startCluster(redisUrl: string, env: Readonly<Record<string, string>> = {}) {
  const nodes = await Promise.all(
    ROLES.flatMap((role) =>
      ['1', '2'].map((i) => NodeProcess.start(role, { redisUrl, nodeId: `${role}_${i}`, env })),
    ),
  );
  const urlsOf = (role: Role, from = 0) =>
    nodes
      .filter((node) => node.role === role)
      .map(({ url }) => url)
      .slice(from);
  const through = (from: number) =>
    new Syncline({ lock: urlsOf('lock', from), queue: urlsOf('queue', from), cache: urlsOf('cache', from) });
  return { nodes, first: through(0), second: through(1) };
}

describe('clusters on one Redis, with nodes of the same names', () => {
  let redis: RedisServer;
  let clusters: Awaited<ReturnType<typeof startCluster>>[];

  beforeAll(async () => {
    redis = await RedisServer.start();
    clusters = await Promise.all([
      startCluster(redis.url, { SYNCLINE_NAMESPACE: 'shop' }),
      startCluster(`${redis.url}/1`),
    ]);
  }, 120_000);
  afterAll(async () => {
    for (const { nodes, first, second } of clusters ?? []) {
      await Promise.all([first.close(), second.close()]);
      await stopAll(nodes);
    }
    await redis?.stop();
  });

  it('do not share locks, messages and entries, and their own nodes do', async () => {
    for (const [i, { first, second }] of clusters.entries()) {
      const lease = await first.lock.acquire('same', { ttlMs: 60_000 });
      await expect(second.lock.acquire('same')).rejects.toMatchObject({ code: 'lock-held' });
      await first.queue<string>('same').send(`of ${i}`);
      await first.cache<string>('same').set('key', `of ${i}`);
      expect(await second.cache<string>('same').get('key')).toBe(`of ${i}`);
      expect(lease.isHeld).toBe(true);
    }
    for (const [i, { second }] of clusters.entries()) {
      const [message] = await second.queue<string>('same').receive({ waitMs: 10_000 });
      expect(message?.body).toBe(`of ${i}`);
      expect(await second.queue<string>('same').receive()).toEqual([]);
      expect(await second.cache<string>('same').get('key')).toBe(`of ${i}`);
    }
  });

  it('see their own members only', async () => {
    for (const { nodes } of clusters) {
      await eventually(async () => {
        const members = await Promise.all(
          nodes.map(
            async ({ url }) => ((await (await fetch(`${url}/v1/cluster`)).json()) as Cluster).members.length,
          ),
        );
        expect(members).toEqual(nodes.map(() => 2));
      });
    }
  });

  it('get the hints of their own nodes', async () => {
    const admin = redis.connect();
    const channels = ((await admin.pubsub('CHANNELS')) as string[]).map((channel) =>
      channel.replace(/syncline\..*$/, ''),
    );
    admin.disconnect();
    expect([...new Set(channels)].sort()).toEqual(['db1:', 'shop:']);
    for (const { first, second } of clusters) {
      const held = await first.lock.acquire('handed-over', { ttlMs: 60_000 });
      const next = second.lock.acquire('handed-over', { waitMs: 30_000 });
      await eventually(async () => expect((await first.lock.inspect('handed-over')).waiters).toHaveLength(1));
      await held.release();
      await (await next).release();
    }
  });
});
