import { Inject, Injectable } from '@nestjs/common';
import { pageAfter, REDIS, type RedisClient, storeError } from '@syncline/redis';
import { NAMES_KEY } from './caches.keys.js';
import { Instances } from './instances.js';
import { addCounts, describeCache, dueCaches, sweepEntries } from './scripts/cache.commands.js';

/** Caches as such in Redis: their names, configuration, size, counters, and what is to be swept. */
@Injectable()
export class CachesStore {
  readonly describe;
  readonly addCounts;
  readonly sweep;
  readonly due;

  constructor(
    @Inject(REDIS) private readonly redis: RedisClient,
    instances: Instances,
  ) {
    this.describe = instances.ofCache(describeCache);
    this.addCounts = instances.ofCache(addCounts);
    this.sweep = instances.ofCache(sweepEntries);
    this.due = instances.ofShard(dueCaches);
  }

  /** Makes the name known to all nodes: for listings, and so that the entries are swept. */
  async addName(cache: string): Promise<void> {
    await this.redis.zadd(NAMES_KEY, 0, cache).catch(fail);
  }

  async removeName(cache: string): Promise<void> {
    await this.redis.zrem(NAMES_KEY, cache).catch(fail);
  }

  /** At most `limit` names with a prefix in order, after `after`. */
  names(prefix: string, after: string | null | undefined, limit: number): Promise<string[]> {
    const { from, to } = pageAfter(prefix, after);
    return this.redis.zrange(NAMES_KEY, from, to, 'BYLEX', 'LIMIT', 0, limit).catch(fail);
  }
}

const fail = (error: unknown): never => {
  throw storeError(error);
};
