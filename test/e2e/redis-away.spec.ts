import { eventually, freePort, NodeProcess, RedisServer } from '@syncline/testing';
import request from 'supertest';

describe('a node whose Redis', () => {
  it('is not running at boot answers with 503, and joins when Redis starts', async () => {
    await using redis = await RedisServer.start();
    await redis.kill();
    const node = await NodeProcess.start('lock', {
      redisUrl: redis.url,
      nodeId: 'lock_1',
      until: 'listening',
    });
    try {
      await request(node.url).get('/health/live').expect(200);
      await request(node.url).get('/health/ready').expect(503);
      const { body } = await request(node.url).get('/v1/cluster').expect(503).expect('Retry-After', '1');
      expect(body.code).toBe('store-unavailable');
      await redis.restart();
      await eventually(() => request(node.url).get('/health/ready').expect(200));
    } finally {
      await node.stop();
    }
  });

  it.each(['killed', 'frozen'])(
    'is %s answers every request with 503, and recovers by itself',
    async (how) => {
      await using redis = await RedisServer.start({ durable: true });
      const node = await NodeProcess.start('lock', { redisUrl: redis.url, nodeId: 'lock_1' });
      try {
        if (how === 'killed') await redis.kill();
        else redis.freeze();
        await Promise.all([
          request(node.url).get('/v1/cluster').expect(503),
          request(node.url).get('/health/ready').expect(503),
          request(node.url).get('/health/live').expect(200),
        ]);
        if (how === 'killed') await redis.restart();
        else redis.thaw();
        await eventually(async () => {
          await request(node.url).get('/v1/cluster').expect(200);
          await request(node.url).get('/health/ready').expect(200);
        });
      } finally {
        await node.stop();
      }
    },
  );

  it('evicts keys refuses to start, and says how to fix it', async () => {
    await using redis = await RedisServer.start({ args: ['--maxmemory-policy', 'allkeys-lru'] });
    const node = await NodeProcess.start('lock', {
      redisUrl: redis.url,
      nodeId: 'lock_1',
      until: 'listening',
    });
    expect(await node.exited).toBe(1);
    expect(node.output).toContain('CONFIG SET maxmemory-policy noeviction');
  });
});

describe('a node with an invalid configuration', () => {
  it('exits at once and names the variable', async () => {
    const port = await freePort();
    const start = NodeProcess.start('lock', {
      redisUrl: `redis://127.0.0.1:${port}`,
      nodeId: 'lock_1',
      env: { PEERS: 'nonsense' },
      until: 'listening',
    });
    await expect(start).rejects.toThrow(/PEERS: expected NODE_ID@HOST:PORT/);
  });
});
