import { Inject, Injectable } from '@nestjs/common';
import { REDIS, type RedisClient, storeError } from '@syncline/redis';
import { CACHE_NAMES_KEY } from './entries.keys.js';
import type { Conditions, Entry, Put } from './entry.js';
import { deleteEntry, putEntry, readEntry, sweepEntries, type WriteResult } from './scripts/entry.scripts.js';

/** The entries in Redis. */
@Injectable()
export class EntriesStore {
  constructor(@Inject(REDIS) private readonly redis: RedisClient) {}

  read(cache: string, key: string): Promise<Entry | null> {
    return readEntry(this.redis, { cache, key });
  }

  put(cache: string, key: string, entry: Put, conditions: Conditions): Promise<WriteResult> {
    return putEntry(this.redis, { cache, key, ...entry, ...conditions });
  }

  delete(cache: string, key: string, ifMatch: string): Promise<WriteResult> {
    return deleteEntry(this.redis, { cache, key, ifMatch });
  }

  /** Makes the name known to all nodes: for listings, and so that the entries are swept. */
  async addName(cache: string): Promise<void> {
    try {
      await this.redis.sadd(CACHE_NAMES_KEY, cache);
    } catch (error) {
      throw storeError(error);
    }
  }

  async names(): Promise<string[]> {
    try {
      return await this.redis.smembers(CACHE_NAMES_KEY);
    } catch (error) {
      throw storeError(error);
    }
  }

  /** @returns ms until there is more to sweep, null when no entry has an end */
  sweep(cache: string, max: number): Promise<number | null> {
    return sweepEntries(this.redis, { cache, max });
  }
}
