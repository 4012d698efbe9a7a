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

/** What a reader tells of itself. */
export type Reading = Rest<typeof entry.fill>;

/** Operations that may make memory grow; a full Redis refuses them, and does the others. */
const GROWING = new Set<unknown>(['put', 'increment']);

/** The caches in Redis. */
@Injectable()
export class EntriesStore {
  constructor(
    @Inject(REDIS) private readonly redis: RedisClient,
    private readonly life: RedisLife,
  ) {}

  fill(cache: string, input: Reading): Promise<Told> {
    return this.life.within(cache, (life) => entry.fill(this.redis, { cache, life, ...input }));
  }

  prepare(cache: string, input: Rest<typeof coherence.store>): Promise<coherence.Prepared> {
    const script = GROWING.has(input.operation[0]) ? coherence.store : coherence.change;
    return this.life.within(cache, (life) => script(this.redis, { cache, life, ...input }));
  }

  results(cache: string, ids: readonly string[]): Promise<string[][]> {
    return this.life.within(cache, (life) => coherence.results(this.redis, { cache, life, ids }));
  }

  /** @returns true when the round still ran */
  force(cache: string, round: coherence.Round): Promise<boolean> {
    return this.life.within(cache, (life) => coherence.force(this.redis, { ...round, cache, life }));
  }

  join(incarnation: string): Promise<void> {
    return this.life.run((life) => coherence.join(this.redis, { life, incarnation }));
  }

  leave(incarnation: string): Promise<void> {
    return this.life.run((life) => coherence.leave(this.redis, { life, incarnation }));
  }

  /** @returns null when the incarnation is fenced */
  renew(input: Omit<Parameters<typeof coherence.renew>[1], 'life'>): ReturnType<typeof coherence.renew> {
    return this.life.run((life) => coherence.renew(this.redis, { life, ...input }));
  }

  /** @returns false when the incarnation is fenced */
  acknowledge(incarnation: string, seen: number): Promise<boolean> {
    return this.life.run((life) => coherence.acknowledge(this.redis, { life, incarnation, seen }));
  }

  /** @returns ms until there is more to sweep, null when no entry has an end */
  sweep(cache: string, max: number): Promise<number | null> {
    return this.life.within(cache, (life) => entry.sweepEntries(this.redis, { cache, life, max }));
  }

  /** Caches that have something to be swept, at most so many. Not on a Redis Cluster. */
  due(max: number): ReturnType<typeof entry.dueCaches> {
    return this.life.run((life) => entry.dueCaches(this.redis, { life, max }));
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

  async removeName(cache: string): Promise<void> {
    try {
      await this.redis.srem(CACHE_NAMES_KEY, cache);
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
