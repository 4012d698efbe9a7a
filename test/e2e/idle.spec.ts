import { Syncline } from '@syncline/client';
import { ROLES, type Role } from '@syncline/contracts';
import {
  eventually,
  type NodeProcess,
  RedisCluster,
  RedisServer,
  startNodes,
  stopAll,
} from '@syncline/testing';

/** A node that has nothing to do sends at most so many commands a second, those in scripts counted: to each primary. */
const MOST_A_NODE = 20;
const WINDOW_MS = 4_000;

const commandsOf = (servers: readonly RedisServer[]) =>
  Promise.all(
    servers.map(async (server) => {
      const client = server.connect();
      const stats = await client.info('commandstats');
      client.disconnect();
      const calls = [...stats.matchAll(/^cmdstat_(?!info)[^:]+:calls=(\d+)/gm)];
      return calls.reduce((sum, [, count]) => sum + Number(count), 0);
    }),
  );

async function commandsASecond(servers: readonly RedisServer[]): Promise<number[]> {
  const [before, from] = [await commandsOf(servers), performance.now()];
  await new Promise((resolve) => setTimeout(resolve, WINDOW_MS));
  const after = await commandsOf(servers);
  const seconds = (performance.now() - from) / 1_000;
  return after.map((count, i) => (count - (before[i] ?? 0)) / seconds);
}

describe('nodes that have nothing to do', () => {
  // On a Redis Cluster a cache node looks after 32 shards, and its membership is with one primary.
  it.each([
    ['one Redis', () => RedisServer.start(), (redis: RedisServer) => [redis], [ROLES]],
    [
      'a Redis Cluster',
      () => RedisCluster.start(),
      (redis: RedisCluster) => redis.servers,
      [['cache'], ['lock', 'queue']],
    ],
  ] as const)('leave %s in peace', async (_where, start, serversOf, steps) => {
    await using redis = await start();
    const nodes: NodeProcess[] = [];
    const join = async (role: Role) => nodes.push(...(await startNodes(role, 1, { redisUrl: redis.url })));
    try {
      for (const roles of steps) {
        await Promise.all(roles.map(join));
        await eventually(async () => {
          const rates = await commandsASecond(serversOf(redis as never));
          expect(Math.max(...rates)).toBeLessThanOrEqual(MOST_A_NODE * nodes.length);
          expect(Math.max(...rates)).toBeGreaterThan(0);
        });
      }
    } finally {
      await stopAll(nodes);
    }
  });
});

describe('workers at queues that nobody made', () => {
  it('leave Redis in peace, and get the first message', async () => {
    await using redis = await RedisServer.start();
    const nodes = await startNodes('queue', 2, { redisUrl: redis.url });
    const client = new Syncline({ queue: nodes.map(({ url }) => url) });
    try {
      const handled: unknown[] = [];
      for (let i = 0; i < 200; i += 1) client.worker(`unmade-${i}`, ({ body }) => handled.push(body));
      await eventually(async () => {
        const [rate] = await commandsASecond([redis]);
        expect(rate).toBeLessThanOrEqual(MOST_A_NODE * nodes.length);
      });
      await client.queue('unmade-7').send('first');
      await eventually(() => expect(handled).toEqual(['first']));
      expect((await client.queue('unmade-7').inspect()).stats).toMatchObject({ acked: 1 });
    } finally {
      await client.close();
      await stopAll(nodes);
    }
  });
});
