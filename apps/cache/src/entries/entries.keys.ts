const STEM = 'syncline:{cache:';

/**
 * The key of a cache: a hash with its state and configuration, and the stem of every other key of the cache.
 * A `}` in the name would end the hash tag, so it is encoded; names hold no `%`, so no two caches share a stem.
 */
export const cacheKey = (cache: string): string => `${STEM}${cache.replaceAll('}', '%7D')}}`;

/** The cache whose stem a script names. */
export const cacheOf = (stem: string): string => stem.slice(STEM.length, -1).replaceAll('%7D', '}');

/** The set of the names of all caches that were ever written to or configured. */
export const CACHE_NAMES_KEY = 'syncline:{caches}:names';

/** The life of this Redis: see redis-life.ts. */
export const LIFE_KEY = 'syncline:{caches}:life';
