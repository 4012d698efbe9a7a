const STEM = 'syncline:{cache:';

/**
 * The key of a cache: a hash with its state and configuration, and the stem of every other key of the cache.
 * A `}` in the name would end the hash tag, so it is encoded; names hold no `%`, so no two caches share a stem.
 */
export const cacheKey = (cache: string): string => `${STEM}${cache.replaceAll('}', '%7D')}}`;

/** The cache that a stem belongs to. */
export const cacheOf = (stem: string): string => stem.slice(STEM.length, -1).replaceAll('%7D', '}');

/** The stem of what all caches share. */
export const SHARED_KEY = 'syncline:{caches}';

/** The names of all caches, in order. */
export const NAMES_KEY = `${SHARED_KEY}:names`;

/** The Redis instance: see redis-instance.ts. */
export const INSTANCE_KEY = `${SHARED_KEY}:instance`;

/** What versions rise by: see hybrid-clock.lua. */
export const CLOCK_KEY = `${SHARED_KEY}:clock`;
