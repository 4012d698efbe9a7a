import { Inject, Injectable } from '@nestjs/common';
import { REDIS, type RedisClient } from '@syncline/redis';
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
    const index = this.all.length === 1 ? 0 : hashOf(cache) % this.all.length;
    return this.all[index] as Shard;
  }
}

/** FNV-1a of 32 bits. Names are ASCII. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}
