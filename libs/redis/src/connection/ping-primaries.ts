import { Cluster } from 'ioredis';
import { StoreUnavailable, storeError } from '../store-unavailable.js';
import { type RedisClient, whenReady } from './connection.js';
import { primaryAt } from './primary.js';

/**
 * Asks every primary for a sign of life.
 *
 * @throws StoreUnavailable when one does not answer; on a Redis Cluster its message names it
 */
export async function pingPrimaries(redis: RedisClient): Promise<void> {
  try {
    if (redis.status !== 'ready') await whenReady(redis);
    if (redis instanceof Cluster) {
      const owners = new Set(redis.slots.flatMap(([owner]) => owner ?? []));
      await Promise.all([...owners].map((address) => pingOwner(redis, address)));
    } else {
      await redis.ping();
    }
  } catch (error) {
    throw storeError(error);
  }
}

/** Of those that own slots. */
async function pingOwner(redis: Cluster, address: string): Promise<void> {
  const primary = primaryAt(redis, address);
  const why = await (primary === undefined
    ? 'it is not connected'
    : primary.ping().then(
        () => null,
        (error: Error) => error.message,
      ));
  if (why !== null) throw new StoreUnavailable(`The primary of Redis at ${address} does not answer: ${why}.`);
}
