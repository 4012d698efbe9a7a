import { NodeProcess, RedisServer } from '@syncline/testing';
import request from 'supertest';

describe('a node alone', () => {
  let redis: RedisServer;
  let node: NodeProcess;

  beforeAll(async () => {
    redis = await RedisServer.start();
    node = await NodeProcess.start('lock', { redisUrl: redis.url, nodeId: 'lock_1' });
  });
  afterAll(async () => {
    await node.stop();
    await redis.stop();
  });

  it('is ready', async () => {
    const { body } = await request(node.url).get('/health/ready').expect(200);
    expect(body.info).toMatchObject({ redis: { status: 'up' }, cluster: { status: 'up', members: 1 } });
  });
});
