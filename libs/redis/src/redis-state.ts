import { createHash } from 'node:crypto';
import type { RedisState } from '@syncline/contracts';
import type { Redis } from 'ioredis';
import type { RedisAccess } from './connection/access.js';
import type { RedisClient } from './connection/connection.js';
import { primariesOf } from './connection/primary.js';
import { parseRedisUrl } from './connection/redis-url.js';
import { fieldOf } from './info.js';

const TOPOLOGIES = { one: 'single', sentinel: 'sentinel', cluster: 'cluster' } as const;
const MOST_PRIMARIES = 100;
/** Digits of a run id and of a replication id that tell instances apart. */
const DIGITS = 16;

type Durability = NonNullable<RedisState['durability']>;
/** From the least on. */
const FSYNC = ['no', 'everysec', 'always'] as const;

/** Which Redis this is, and what it does for its data. Asks every primary; parts that do not answer are null. */
export async function describeRedis(
  redis: RedisClient,
  { url }: Pick<RedisAccess, 'url'>,
): Promise<RedisState> {
  const topology = TOPOLOGIES[parseRedisUrl(url).form];
  const found = await Promise.all(primariesOf(redis).map(describePrimary)).catch(() => []);
  const primaries = found
    .map(({ address, instance }) => ({ address, instance }))
    .sort((a, b) => (a.address < b.address ? -1 : 1));
  const durability = found
    .map((primary) => primary.durability)
    .reduce<Durability | null>((least, each) => (least === null ? each : leastOf(least, each)), null);
  const instance = together(primaries.map((each) => each.instance));
  return { topology, instance, durability, primaries: primaries.slice(0, MOST_PRIMARIES) };
}

async function describePrimary(primary: Redis) {
  const [info, appendfsync] = await Promise.all([
    primary.info('server', 'persistence', 'replication'),
    // Not every user may read the configuration, and not every hosted Redis shows it.
    (primary.config('GET', 'appendfsync') as Promise<string[]>).then(
      ([, setting]) => FSYNC.find((each) => each === setting) ?? null,
      () => null,
    ),
  ]);
  const field = (name: string) => fieldOf(info, name);
  const { remoteAddress, remotePort } = primary.stream;
  return {
    address: `${remoteAddress}:${remotePort}`,
    instance: `${field('run_id').slice(0, DIGITS)}-${field('master_replid').slice(0, DIGITS)}`,
    durability: {
      appendonly: field('aof_enabled') === '1',
      appendfsync,
      replicas: Number(field('connected_slaves')),
    },
  };
}

const leastOf = (one: Durability, other: Durability): Durability => ({
  appendonly: one.appendonly && other.appendonly,
  appendfsync:
    one.appendfsync === null || other.appendfsync === null
      ? null
      : (FSYNC[Math.min(FSYNC.indexOf(one.appendfsync), FSYNC.indexOf(other.appendfsync))] ?? null),
  replicas: Math.min(one.replicas, other.replicas),
});

function together(instances: readonly string[]): string | null {
  if (instances.length < 2) return instances[0] ?? null;
  return createHash('sha256')
    .update(instances.join())
    .digest('hex')
    .slice(0, 2 * DIGITS);
}
