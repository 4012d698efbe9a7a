import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Metrics } from '@syncline/runtime';
import { eventually, RedisServer } from '@syncline/testing';
import type { Redis } from 'ioredis';
import { RedisWatch } from './redis-watch.js';

describe('The watch on Redis', () => {
  let server: RedisServer;
  let redis: Redis;
  let watch: RedisWatch;
  let metrics: Metrics;

  beforeEach(async () => {
    server = await RedisServer.start();
    redis = server.connect();
    await redis.ping();
    metrics = new Metrics();
    watch = new RedisWatch(
      redis,
      { url: server.url, connectionName: 'test' },
      { role: 'lock', nodeId: 'lock_1', kind: 'node', timers: true, peers: [] },
      metrics,
    );
    watch.onApplicationBootstrap();
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await watch.onModuleDestroy();
    redis.disconnect();
    await server.stop();
  });

  it('tells at each new connection that Redis may evict, and that it may not any more', async () => {
    const log = jest.spyOn(Logger.prototype, 'error').mockReturnValue(undefined);
    await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
    redis.disconnect(true);
    await eventually(() => expect(watch.obstacle).toContain('allkeys-lru'));
    expect(log).toHaveBeenCalledTimes(1);
    await redis.config('SET', 'maxmemory-policy', 'noeviction');
    redis.disconnect(true);
    await eventually(() => expect(watch.obstacle).toBeNull());
  });

  it('counts and logs that the clock of Redis and the time that passes here have parted', async () => {
    const log = jest.spyOn(Logger.prototype, 'warn').mockReturnValue(undefined);
    const steps = async () => {
      const [metric] = await (
        metrics.registry.getSingleMetric('redis_clock_steps_total')?.get() ?? Promise.reject()
      ).then(({ values }) => values);
      return metric?.value;
    };
    const time = jest.spyOn(redis, 'time');
    const look = async () => {
      const before = time.mock.results.length;
      redis.disconnect(true);
      await eventually(() => expect(time.mock.results.length).toBeGreaterThan(before));
      await time.mock.results.at(-1)?.value;
    };
    await look();
    expect(await steps()).toBe(0);

    // As if Redis' clock had been set back by a minute, and again: the answer that came before may have been too slow to count.
    const { now } = performance;
    let setBackMs = 0;
    jest.spyOn(performance, 'now').mockImplementation(() => now.call(performance) + setBackMs);
    for (let i = 0; i < 5 && (await steps()) === 0; i += 1) {
      setBackMs += 60_000;
      await look();
    }
    expect(await steps()).toBe(1);
    expect(log).toHaveBeenCalledWith(expect.stringMatching(/set back by \d{5,} ms/));
  });
});
