import { Inject, Injectable } from '@nestjs/common';
import { REDIS, type RedisClient, storeError } from '@syncline/redis';
import { CACHE_NAMES_KEY } from './entries.keys.js';
import { RedisLife } from './redis-life.js';
import * as coherence from './scripts/coherence.scripts.js';
import * as entry from './scripts/entry.scripts.js';
import * as fills from './scripts/fill.scripts.js';
import type { Told } from './scripts/told.js';

/** What a script takes beside the cache and the life, which every one takes. */
type Rest<F extends (redis: RedisClient, input: never) => unknown> = Omit<
  Parameters<F>[1],
  keyof coherence.InLife
>;

/** The caches in Redis. */
@Injectable()
export class EntriesStore {
  constructor(
    @Inject(REDIS) private readonly redis: RedisClient,
    private readonly life: RedisLife,
  ) {}

  fill(cache: string, input: Rest<typeof entry.fill>): Promise<Told> {
    return this.life.within(cache, (life) => entry.fill(this.redis, { cache, life, ...input }));
  }

  prepare(cache: string, input: Rest<typeof coherence.prepare>): Promise<coherence.Prepared> {
    return this.life.within(cache, (life) => coherence.prepare(this.redis, { cache, life, ...input }));
  }

  results(cache: string, ids: readonly string[]): Promise<string[][]> {
    return this.life.within(cache, (life) => coherence.results(this.redis, { cache, life, ids }));
  }

  /** @returns true when the round still ran */
  force(cache: string, round: coherence.StuckRound): Promise<boolean> {
    return this.life.within(cache, (life) => coherence.force(this.redis, { cache, life, ...round }));
  }

  /** @returns configured bytes of the near cache, '' for the default */
  join(cache: string, incarnation: string): Promise<string> {
    return this.life.within(cache, (life) => coherence.join(this.redis, { cache, life, incarnation }));
  }

  leave(cache: string, incarnation: string): Promise<void> {
    return this.life.within(cache, (life) => coherence.leave(this.redis, { cache, life, incarnation }));
  }

  /** @returns null when the incarnation is fenced */
  renew(cache: string, input: Rest<typeof coherence.renew>): ReturnType<typeof coherence.renew> {
    return this.life.within(cache, (life) => coherence.renew(this.redis, { cache, life, ...input }));
  }

  /** @returns false when the incarnation is fenced */
  acknowledge(cache: string, input: Rest<typeof coherence.acknowledge>): Promise<boolean> {
    return this.life.within(cache, (life) => coherence.acknowledge(this.redis, { cache, life, ...input }));
  }

  /** @returns ms until there is more to sweep, null when no entry has an end */
  sweep(cache: string, max: number): Promise<number | null> {
    return this.life.within(cache, (life) => entry.sweepEntries(this.redis, { cache, life, max }));
  }

  leaseFill(cache: string, input: Rest<typeof fills.leaseFill>): Promise<fills.LeaseState> {
    return this.life.within(cache, (life) => fills.leaseFill(this.redis, { cache, life, ...input }));
  }

  /** @returns when the lease ends, ms since 1970; null: it is not in force */
  renewFill(cache: string, input: Rest<typeof fills.renewFill>): Promise<number | null> {
    return this.life.within(cache, (life) => fills.renewFill(this.redis, { cache, life, ...input }));
  }

  endFill(cache: string, input: Rest<typeof fills.endFill>): Promise<void> {
    return this.life.within(cache, (life) => fills.endFill(this.redis, { cache, life, ...input }));
  }

  /** @returns those of the keys whose fill lease is free */
  freeLeases(cache: string, keys: readonly string[]): Promise<string[]> {
    return this.life.within(cache, (life) => fills.freeLeases(this.redis, { cache, life, keys }));
  }

  describe(cache: string): ReturnType<typeof entry.describeCache> {
    return this.life.within(cache, (life) => entry.describeCache(this.redis, { cache, life }));
  }

  addCounts(cache: string, counts: readonly (readonly [string, number])[]): Promise<void> {
    return this.life.within(cache, (life) => entry.addCounts(this.redis, { cache, life, counts }));
  }

  /** @returns null when there is no such entry */
  versionOf(cache: string, key: string): Promise<string | null> {
    return this.life.within(cache, (life) => entry.versionOf(this.redis, { cache, life, key }));
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
}
