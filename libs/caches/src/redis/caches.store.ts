import { Inject, Injectable } from '@nestjs/common';
import { REDIS, type RedisClient } from '@syncline/redis';
import type { Sum } from '@syncline/runtime';
import { CacheNames } from './cache-names.js';
import { bytesIn, cacheKey } from './caches.keys.js';
import { Instances } from './instances.js';
import { addCounts, describeCaches, dueCaches, makePart, sweepEntries } from './scripts/cache.commands.js';
import { Shards } from './shards.js';

/** Caches as such in Redis: their names, configuration, size, counters, and what is to be swept. */
@Injectable()
export class CachesStore {
  private readonly describeIn;
  private readonly addCountsIn;
  private readonly makeIn;
  readonly sweep;
  readonly due;

  constructor(
    instances: Instances,
    /** Known to all nodes: for listings. */
    readonly names: CacheNames,
    private readonly shards: Shards,
    @Inject(REDIS) private readonly redis: Pick<RedisClient, 'get'>,
  ) {
    this.describeIn = instances.ofShard(describeCaches);
    this.addCountsIn = instances.ofPart(addCounts);
    this.makeIn = instances.ofPart(makePart);
    this.sweep = instances.ofPart(sweepEntries);
    this.due = instances.ofShard(dueCaches);
  }

  /** Caches, all parts of each together; the configuration is that of the first one that is there. One script a shard. */
  async describe(caches: readonly string[]) {
    const shards = await Promise.all(this.shards.all.map((shard) => this.describeIn(shard, { caches })));
    return caches.map((name, i) => {
      const parts = this.shards.partsOf(name).flatMap(({ shard }) => shards[shard.index]?.[i] ?? []);
      const [first] = parts as [(typeof parts)[number]];
      const counts = new Map<string, number>();
      for (const [counter, count] of parts.flatMap((part) => [...part.counts])) {
        counts.set(counter, (counts.get(counter) ?? 0) + count);
      }
      return {
        ...(parts.find(({ exists }) => exists) ?? first),
        name,
        entries: parts.reduce((sum, { entries }) => sum + entries, 0),
        bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0),
        counts,
      };
    });
  }

  /** Adds to the counters of a cache. Of a cache that does not exist nothing is kept. */
  addCounts(cache: string, counts: readonly (readonly [string, number])[]): Promise<void> {
    return this.addCountsIn(this.shards.home(cache), { counts });
  }

  /** The configuration of the home, as text; it is made when it is not there. */
  configurationAtHome(cache: string): Promise<string> {
    return this.makeIn(this.shards.home(cache), {});
  }

  /** What the entries of all caches of a realm take. */
  async bytesOf(realm: string): Promise<Sum> {
    const { total, parts } = await this.names.sum(realm, async (name) => {
      const states = this.shards.partsOf(name).map(({ shard }) => this.redis.get(cacheKey(shard.key, name)));
      return (await Promise.all(states)).reduce((sum, state) => sum + bytesIn(state), 0);
    });
    return { total, parts: parts * this.shards.all.length };
  }
}
