const STEM = 'syncline:{cache:';

/**
 * The key of a cache: a hash with its state and configuration, and the stem of every other key of the cache.
 * A `}` in the name would end the hash tag, so it is encoded; names hold no `%`, so no two caches share a stem.
 */
export const cacheKey = (cache: string): string => `${STEM}${cache.replaceAll('}', '%7D')}}`;

/** The cache whose stem a script names. */
export const cacheOf = (stem: string): string => stem.slice(STEM.length, -1).replaceAll('%7D', '}');

/** The stem of what all caches share. */
export const SHARED_KEY = 'syncline:{caches}';

/** The names of all caches, in order. */
export const NAMES_KEY = `${SHARED_KEY}:names`;

/** The life of this Redis: see redis-life.ts. */
export const LIFE_KEY = `${SHARED_KEY}:life`;

/** Keys of the scripts of a cache. What caches share lies elsewhere on a Redis Cluster, where it is not needed. */
export const keysOfCache = ({ cache, life }: { cache: string; life: string | null }): string[] =>
  life === null ? [cacheKey(cache)] : [cacheKey(cache), SHARED_KEY];
