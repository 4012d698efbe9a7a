import { Inject, Injectable } from '@nestjs/common';
import { partOf, REDIS, type RedisClient } from '@syncline/redis';
import { sharedKey } from './caches.keys.js';

/** Shards on a Redis Cluster. Each is one slot; a node has a lease in each that it reads. */
const CLUSTER_SHARDS = 32;

/** The caches that one script can change together: all of a single Redis, or those of one slot of a Redis Cluster. */
export interface Shard {
  readonly index: number;
  /** The stem of what its caches share; on a Redis Cluster its hash tag is that of all keys of the shard. */
  readonly key: string;
}

/** Which caches lie together. */
@Injectable()
export class Shards {
  readonly all: readonly Shard[];

  constructor(@Inject(REDIS) { isCluster }: Pick<RedisClient, 'isCluster'>) {
    this.all = Array.from({ length: isCluster ? CLUSTER_SHARDS : 1 }, (_, index) => ({
      index,
      key: sharedKey(isCluster ? index : null),
    }));
  }

  /** By its name alone, so all nodes agree. */
  of(cache: string): Shard {
    return this.all[partOf(cache, this.all.length)] as Shard;
  }
}
