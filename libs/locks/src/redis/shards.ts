import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Problem } from '@syncline/contracts';
import { REDIS, type RedisClient } from '@syncline/redis';
import { resourceName } from '../lease/resource.js';
import { keysOfWait } from './wait-id.js';

/** Shards on a Redis Cluster. Each is one slot; a node beats once per shard. */
const CLUSTER_SHARDS = 32;

/** Prefix of every Redis key of a shard. The scripts append the rest: `name.lua` lists the keys. */
export const shardPrefix = (shard: number): string => `syncline:lock:{${shard}}:`;

/**
 * Where the state of a resource lies. A shard is what one script can change: all of a single Redis, or one slot of
 * a Redis Cluster. Names with the same `{tag}` share a shard.
 */
@Injectable()
export class Shards {
  readonly all: readonly number[];

  constructor(@Inject(REDIS) { isCluster }: Pick<RedisClient, 'isCluster'>) {
    this.all = Array.from({ length: isCluster ? CLUSTER_SHARDS : 1 }, (_, shard) => shard);
  }

  of(key: string): number {
    if (this.all.length === 1) return 0;
    const name = resourceName(key);
    const tag = /\{([^}]+)\}/.exec(name)?.[1] ?? name;
    return createHash('sha1').update(tag).digest().readUInt16BE() % this.all.length;
  }

  /** @throws Problem `cross-slot` when the resources lie in several shards */
  ofAll(keys: readonly string[]): number {
    if (this.all.length === 1) return 0;
    const [shard = 0, ...others] = new Set(keys.map((key) => this.of(key)));
    if (others.length > 0) {
      throw new Problem(
        'cross-slot',
        'The names of one atomic call must share a {tag} on Redis Cluster, as in {order-42}:stock and {order-42}:bill.',
      );
    }
    return shard;
  }

  ofWait(id: string): number {
    return this.of(keysOfWait(id)[0] ?? '');
  }
}
