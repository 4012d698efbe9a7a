import type { RedisLoad } from '@syncline/contracts';
import type { Redis } from 'ioredis';
import type { RedisClient } from './connection/connection.js';
import { primariesOf } from './connection/primary.js';
import { fieldOf } from './info.js';

/** Asks every primary. */
export async function loadOfRedis(redis: RedisClient): Promise<RedisLoad> {
  const loads = await Promise.all(primariesOf(redis).map(loadOf));
  return loads.reduce((one, other) => ({
    latencyMs: Math.max(one.latencyMs, other.latencyMs),
    commandsPerSecond: one.commandsPerSecond + other.commandsPerSecond,
    usedBytes: one.usedBytes + other.usedBytes,
    maxBytes: one.maxBytes === null || other.maxBytes === null ? null : one.maxBytes + other.maxBytes,
    isSaved: one.isSaved && other.isSaved,
    replicas: Math.min(one.replicas, other.replicas),
    version: one.version,
  }));
}

async function loadOf(primary: Redis): Promise<RedisLoad> {
  const sentAt = performance.now();
  await primary.ping();
  const latencyMs = performance.now() - sentAt;
  const info = await primary.info('server', 'memory', 'stats', 'persistence', 'replication');
  const field = (name: string) => fieldOf(info, name);
  return {
    latencyMs: Math.round(latencyMs * 100) / 100,
    commandsPerSecond: Number(field('instantaneous_ops_per_sec')),
    usedBytes: Number(field('used_memory')),
    maxBytes: Number(field('maxmemory')) || null,
    isSaved: !['rdb_last_bgsave_status', 'aof_last_write_status'].some((name) => field(name) === 'err'),
    replicas: Number(field('connected_slaves')),
    version: field('redis_version'),
  };
}
