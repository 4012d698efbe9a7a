import { Syncline } from '@syncline/client';
import { ROLES, type Role } from '@syncline/contracts';
import { eventually, NodeProcess, RedisCluster, startNodes, stopAll } from '@syncline/testing';
import request from 'supertest';
import { asLeastUser, breachesOf, grantLeastRights, LEAST_RIGHTS } from './least-rights.js';

describe('nodes on a Redis Cluster', () => {
  it('join, see each other, and are ready', async () => {
    await using redis = await RedisCluster.start();
    const nodes = await startNodes('lock', 2, { redisUrl: redis.url });
    try {
      for (const node of nodes) {
        await eventually(async () => {
          const { body } = await request(node.url).get('/health/ready').expect(200);
          expect(body.info.cluster.members).toBe(2);
        });
      }
      const { body: state } = await request(nodes[0]?.url ?? '')
        .get('/v1/node')
        .expect(200);
      expect(state.redis).toMatchObject({
        topology: 'cluster',
        instance: expect.stringMatching(/^[0-9a-f]{32}$/),
      });
      expect(new Set(state.redis.primaries.map((each: { instance: string }) => each.instance)).size).toBe(3);
      // The leave is published on one master and received through another.
      await nodes[0]?.stop();
      await eventually(async () => {
        const { body } = await request(nodes[1]?.url ?? '')
          .get('/v1/cluster')
          .expect(200);
        expect(body.members).toHaveLength(1);
      });
    } finally {
      await stopAll(nodes);
    }
  });

  it('are not ready while a primary does not answer, say which, and are ready again when it is back', async () => {
    await using redis = await RedisCluster.start();
    const nodes = await startNodes('lock', 1, { redisUrl: redis.url });
    const ready = () => request(nodes[0]?.url ?? '').get('/health/ready');
    // Not the one that has the membership: a node beats there, and would notice by that.
    const member = await redis.primaryOf('syncline:{cluster:lock}:members');
    const primaries = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((key) => redis.primaryOf(key)));
    const other = primaries.find(({ port }) => port !== member.port) ?? member;
    try {
      await eventually(() => ready().expect(200));
      other.freeze();
      await eventually(async () => {
        const { body } = await ready().expect(503);
        expect(body.error.redis.message).toContain(
          `The primary of Redis at 127.0.0.1:${other.port} does not answer`,
        );
      });
      expect((await request(nodes[0]?.url ?? '').get('/health/live')).status).toBe(200);
      other.thaw();
      await eventually(() => ready().expect(200));
    } finally {
      other.thaw();
      await stopAll(nodes);
    }
  });

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
