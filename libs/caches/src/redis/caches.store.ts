import { Inject, Injectable } from '@nestjs/common';
import { REDIS, type RedisClient } from '@syncline/redis';
import type { Sum } from '@syncline/runtime';
import { CacheNames } from './cache-names.js';
import { cacheKey } from './caches.keys.js';
import { Instances } from './instances.js';
import { addCounts, describeCache, dueCaches, sweepEntries } from './scripts/cache.commands.js';
import { Shards } from './shards.js';

/** Caches as such in Redis: their names, configuration, size, counters, and what is to be swept. */
@Injectable()
export class CachesStore {
  readonly describe;
  readonly addCounts;
  readonly sweep;
  readonly due;

  /** Known to all nodes: for listings. */
  readonly names;

  constructor(
    instances: Instances,
    names: CacheNames,
    private readonly shards: Shards,
    @Inject(REDIS) private readonly redis: Pick<RedisClient, 'hget'>,
  ) {
    this.names = names;
    this.describe = instances.ofCache(describeCache);
    this.addCounts = instances.ofCache(addCounts);
    this.sweep = instances.ofCache(sweepEntries);
    this.due = instances.ofShard(dueCaches);
  }

  /** What the entries of all caches of a realm take. */
  bytesOf(realm: string): Promise<Sum> {
    return this.names.sum(realm, async (name) =>
      Number(await this.redis.hget(cacheKey(this.shards.of(name).key, name), 'bytes')),
    );
  }
}
