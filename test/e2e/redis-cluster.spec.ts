import { Syncline } from '@syncline/client';
import { ROLES, type Role } from '@syncline/contracts';
import { eventually, NodeProcess, RedisCluster, startInVain, startNodes, stopAll } from '@syncline/testing';
import request from 'supertest';
import { asLeastUser, breachesOf, grantLeastRights, LEAST_RIGHTS } from './least-rights.js';

describe('nodes on a Redis Cluster', () => {
  let redis: RedisCluster;
  let nodes: NodeProcess[] = [];

  beforeAll(async () => {
    redis = await RedisCluster.start();
    nodes = await startNodes('lock', 2, { redisUrl: redis.url });
  });
  afterAll(async () => {
    await stopAll(nodes);
    await redis?.stop();
  });
  const ask = (i: number, path: string) => request(nodes[i]?.url ?? '').get(path);

  it('do not start by the address of one primary, and say what to set', async () => {
    const { code, output } = await startInVain('lock', { REDIS_URL: redis.servers[0]?.url ?? '' });
    expect(code).toBe(1);
    expect(output).toContain('name several of its nodes');
  });

  it('join, see each other, and are ready', async () => {
    for (const i of nodes.keys()) {
      await eventually(async () => {
        const { body } = await ask(i, '/health/ready').expect(200);
        expect(body.info.cluster.members).toBe(2);
      });
    }
    const { body: state } = await ask(0, '/v1/node').expect(200);
    expect(state.redis).toMatchObject({
      topology: 'cluster',
      instance: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
    expect(new Set(state.redis.primaries.map((each: { instance: string }) => each.instance)).size).toBe(3);
    // The leave is published on one master and received through another.
    await nodes[0]?.stop();
    await eventually(async () => {
      const { body } = await ask(1, '/v1/cluster').expect(200);
      expect(body.members).toHaveLength(1);
    });
  });

  it('are not ready while a primary does not answer, say which, and are ready again when it is back', async () => {
    // Not the one that has the membership: a node beats there, and would notice by that.
    const member = await redis.primaryOf('syncline:{cluster:lock}:members');
    const other = redis.servers.find(({ port }) => port !== member.port) ?? member;
    await eventually(() => ask(1, '/health/ready').expect(200));
    other.freeze();
    try {
      await eventually(async () => {
        const { body } = await ask(1, '/health/ready').expect(503);
        expect(body.error.redis.message).toContain(
          `The primary of Redis at 127.0.0.1:${other.port} does not answer`,
        );
      });
      await ask(1, '/health/live').expect(200);
    } finally {
      other.thaw();
    }
    await eventually(() => ask(1, '/health/ready').expect(200));
  });
});

describe('nodes on a Redis Cluster with replicas', () => {
  it('serve in a namespace, with the rights that the page of operations grants, replicated too', async () => {
    await using redis = await RedisCluster.start({ replicas: 1 });
    const admins = redis.servers.map((server) => server.connect());
    await Promise.all(admins.map(grantLeastRights));
    const env = { ...LEAST_RIGHTS, LOCK_DURABILITY: 'replicated' };
    const nodes = await Promise.all(
      ROLES.map((role) => NodeProcess.start(role, { redisUrl: asLeastUser(redis.url), nodeId: role, env })),
    );
    const of = (wanted: Role) => nodes.filter(({ role }) => role === wanted).map(({ url }) => url);
    const syncline = new Syncline({ lock: of('lock'), queue: of('queue'), cache: of('cache') });
    try {
      await Promise.all(
        Array.from({ length: 12 }, async (_, i) => {
          await syncline.lock.using(`lock-${i}`, {}, async (lease) => expect(lease.isHeld).toBe(true));
          const queue = syncline.queue<number>(`queue-${i}`);
          await queue.configure({ durability: 'replicated' });
          await queue.send(i);
          const [message] = await queue.receive({ waitMs: 10_000 });
          await queue.ack(message?.receipt ?? '');
          const cache = syncline.cache<number>(`cache-${i}`);
          await cache.set('key', i);
          expect([await cache.get('key'), await cache.get('key')]).toEqual([i, i]);
        }),
      );
      for (const admin of admins) expect(await breachesOf(admin)).toEqual([]);
    } finally {
      for (const admin of admins) admin.disconnect();
      await syncline.close();
      await stopAll(nodes);
    }
  });
});
