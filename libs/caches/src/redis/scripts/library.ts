import { LuaLibrary } from '@syncline/redis';
import { cacheKey, fillLeaseKey } from '../caches.keys.js';
import type { Part, Shard } from '../shards.js';

/** The Lua of the caches. */
export const library = new LuaLibrary('syncline_caches', new URL('./', import.meta.url));

/** What every command of a shard is given: where it lies, and the Redis instance that it is in. */
export interface OfShard {
  readonly shard: Shard;
  readonly instance: string;
}

/** What every command of a part of a cache is given. */
export interface OfPart extends OfShard, Part {}

const instance = (input: OfShard) => input.instance;

/** Of a command that concerns no single cache. */
export const ofShard = { keys: ({ shard }: OfShard) => [shard.key], instance };

/** Of a command of a part of a cache. */
export const ofPart = {
  keys: ({ shard, cache }: OfPart) => [cacheKey(shard.key, cache), shard.key],
  instance,
};

/** Of a command of an entry, which may have a fill lease. */
export const ofEntry = {
  keys: ({ shard, cache, key }: OfPart & { readonly key: string }) => {
    const stem = cacheKey(shard.key, cache);
    return [stem, fillLeaseKey(stem, key), shard.key];
  },
  instance,
};
