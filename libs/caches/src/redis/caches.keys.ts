/** Keys of one Redis: what all caches share, and the start of the stem of each. */
const SHARED = 'syncline:{caches}';
const OF_ONE = 'syncline:{cache:';
/** On a Redis Cluster the hash tag is that of the shard. */
const OF_SHARD = /^syncline:\{caches:(\d+)\}:\{/;

/** The stem of what the caches of a shard share. @param shard number of it; null: there is only one */
export const sharedKey = (shard: number | null): string =>
  shard === null ? SHARED : `syncline:{caches:${shard}}`;

/**
 * The key of a cache, or of its part in a shard: a text with its state and configuration, and the stem of every other key of it.
 * A `}` in the name would end a hash tag, so it is encoded; names hold no `%`, so no two caches share a stem.
 *
 * @param shared the key of its shard
 */
export const cacheKey = (shared: string, cache: string): string => {
  const name = `${cache.replaceAll('}', '%7D')}}`;
  return shared === SHARED ? OF_ONE + name : `${shared}:{${name}`;
};

/** The fill lease of an entry of a cache, or of its part in a shard. @param stem the key of that */
export const fillLeaseKey = (stem: string, key: string): string => `${stem}:l:${key}`;

/** What the entries of a cache, or of its part in a shard, take. @param state text under its key, null: there is none */
export const bytesIn = (state: string | null): number => Number(state?.split(' ', 3)[2] ?? 0);

/** The cache that a stem belongs to, and the number of its shard. @param stem as Redis tells it: with the prefix of the namespace */
export const placeOf = (stem: string): { readonly cache: string; readonly shard: number } => {
  const own = stem.slice(stem.indexOf('syncline:{'));
  const [start, shard = 0] = own.startsWith(OF_ONE) ? [OF_ONE] : (OF_SHARD.exec(own) ?? ['']);
  return { cache: own.slice(start.length, -1).replaceAll('%7D', '}'), shard: Number(shard) };
};

/** The names of the caches of a shard, in order. */
export const namesKey = (shared: string): string => `${shared}:names`;

/** The Redis instance of a shard: see shard-instance.ts. The number is that of the form in which its caches are stored. */
export const instanceKey = (shared: string): string => `${shared}:instance-3`;

export const instanceFactsKey = (shared: string): string => `${instanceKey(shared)}:facts`;

/** Where nodes look for the instance that store caches in former forms. */
export const formerInstanceKeys = (shared: string): string[] => [
  `${shared}:instance-2`,
  `${shared}:instance`,
];

/** What the versions of a shard rise by: see hybrid-clock.lua. */
export const clockKey = (shared: string): string => `${shared}:clock`;
