import { RedisServer } from '@syncline/testing';
import { checkRedis } from './boot-check.js';
import { UnsuitableRedis } from './unsuitable-redis.js';

describe('the check of Redis at boot', () => {
  it('accepts a Redis with noeviction', async () => {
    await using server = await RedisServer.start();
    const redis = server.connect();
    await expect(checkRedis(redis)).resolves.toBeUndefined();
    redis.disconnect();
  });

  it('refuses a Redis that evicts keys, and says how to fix it', async () => {
    await using server = await RedisServer.start({ args: ['--maxmemory-policy', 'allkeys-lru'] });
    const redis = server.connect();
    const failure = await checkRedis(redis).catch((error: unknown) => error);
    redis.disconnect();
    expect(failure).toBeInstanceOf(UnsuitableRedis);
    expect(String(failure)).toContain('CONFIG SET maxmemory-policy noeviction');
  });

  it('refuses a node of a Redis Cluster where one Redis was named', async () => {
    await using server = await RedisServer.start({ args: ['--cluster-enabled', 'yes'] });
    const redis = server.connect();
    await expect(checkRedis(redis)).rejects.toThrow('name several of its nodes');
    redis.disconnect();
  });
});
