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
});
