import type { Cache, CacheClient } from '@syncline/client';

/** What `@nestjs/throttler` is told of a request. Times are in seconds. */
export interface Throttled {
  readonly totalHits: number;
  readonly timeToExpire: number;
  readonly isBlocked: boolean;
  readonly timeToBlockExpire: number;
}

/**
 * A `ThrottlerStorage` for `@nestjs/throttler` that all replicas share: each request is one atomic increment of a counter
 * in a cache. A window begins with its first request and ends after `ttl`, by the clock of Redis; the request that
 * is one too many begins a block, which ends after `blockDuration`.
 *
 * `timeToExpire` and `timeToBlockExpire`, and the headers that are made of them, are the longest times: no replica knows when
 * another began the window. While the cache cannot be reached `increment` rejects, and with it the request.
 */
export class SynclineThrottlerStorage {
  private readonly counters: Cache<number>;

  /** @param cache name of the cache with the counters */
  constructor(caches: CacheClient, cache = 'throttler') {
    this.counters = caches.cache<number>(cache);
  }

  async increment(
    key: string,
    ttl: number,
    limit: number,
    blockDuration: number,
    throttlerName: string,
  ): Promise<Throttled> {
    const counter = `${throttlerName}:${key}`;
    const { value } = await this.counters.increment(counter, 1, { ttlMs: Math.ceil(ttl) });
    const isBlocked = value > limit;
    const blocks = blockDuration > 0;
    // Only one request gets this number. Until the block ends, all others get a larger one.
    if (value === limit + 1 && blocks) await this.counters.touch(counter, Math.ceil(blockDuration));
    const timeToBlockExpire = isBlocked ? seconds(blocks ? blockDuration : ttl) : 0;
    return { totalHits: value, timeToExpire: seconds(ttl), isBlocked, timeToBlockExpire };
  }
}

const seconds = (ms: number) => Math.ceil(ms / 1000);
