import { Cluster, type Redis } from 'ioredis';
import type { RedisClient } from './connection/connection.js';
import { primariesOf } from './connection/primary.js';
import { fieldOf, modeOf } from './info.js';
import { storeError } from './store-unavailable.js';
import { UnsuitableRedis } from './unsuitable-redis.js';

/**
 * Refuses a Redis that would silently break guarantees: one that evicts keys, one older than 7.0, or one of another kind
 * than `REDIS_URL` says.
 *
 * @throws UnsuitableRedis
 * @throws StoreUnavailable when it does not answer
 */
export async function checkRedis(redis: RedisClient): Promise<void> {
  await Promise.all(primariesOf(redis).map((primary) => checkPrimary(primary, redis instanceof Cluster)));
}

async function checkPrimary(redis: Redis, inCluster: boolean): Promise<void> {
  const info = await redis.info('server', 'memory').catch((error: unknown) => {
    throw storeError(error);
  });
  const mode = modeOf(info);
  if (mode === 'sentinel') {
    throw new UnsuitableRedis(
      'REDIS_URL names a sentinel: set redis-sentinel://HOST:26379,HOST:26379#PRIMARY, with the name of `sentinel monitor`.',
    );
  }
  if (mode === 'cluster' && !inCluster) {
    throw new UnsuitableRedis(
      'REDIS_URL names a node of a Redis Cluster: name several of its nodes, comma-separated.',
    );
  }
  const version = fieldOf(info, 'redis_version');
  if (Number.parseInt(version, 10) < 7) {
    throw new UnsuitableRedis(
      `Redis ${version} is too old: Syncline needs 7.0 or newer. Upgrade it, or set REDIS_URL to another Redis.`,
    );
  }
  const policy = fieldOf(info, 'maxmemory_policy');
  if (policy !== 'noeviction') {
    throw new UnsuitableRedis(
      `Redis has maxmemory-policy ${policy}: it may evict locks and messages when memory is full. ` +
        "Run 'redis-cli CONFIG SET maxmemory-policy noeviction' and add the setting to redis.conf.",
    );
  }
}
