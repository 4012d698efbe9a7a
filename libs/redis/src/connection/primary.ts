import { Cluster, Command, type Redis } from 'ioredis';
import type { RedisClient } from './connection.js';

/** All primaries: one where there is no Redis Cluster. */
export const primariesOf = (redis: RedisClient): readonly Redis[] =>
  redis instanceof Cluster ? redis.nodes('master') : [redis];

/** The slot of a key; undefined where there is no Redis Cluster. */
export const slotOf = (redis: RedisClient, key: string): number | undefined =>
  redis instanceof Cluster ? (new Command('get', [key]).getSlot() ?? undefined) : undefined;

/** The connection to the primary at an address, as the slots of a Redis Cluster name it. */
export const primaryAt = (redis: Cluster, address: string | undefined): Redis | undefined =>
  redis.nodes('master').find(({ options: { host, port } }) => `${host}:${port}` === address);

/** The connection to the primary that a command with this key is sent to now. */
export const primaryOf = (redis: RedisClient, key: string): Redis | undefined =>
  redis instanceof Cluster ? primaryAt(redis, redis.slots[slotOf(redis, key) ?? 0]?.[0]) : redis;
