import { eventually, RedisCluster, startNodes, stopAll } from '@syncline/testing';
import request from 'supertest';

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
});
