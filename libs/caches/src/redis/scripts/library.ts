import { LuaLibrary } from '@syncline/redis';
import { cacheKey, SHARED_KEY } from '../caches.keys.js';

/** The Lua of the caches. */
export const library = new LuaLibrary('syncline_caches', new URL('./', import.meta.url));

/** What every command is given that concerns all caches of a node: there are near caches only in a Redis instance. */
export interface InInstance {
  readonly instance: string;
}

/** What every command of a cache is given; on a Redis Cluster there is no instance. */
export interface OfCache {
  readonly cache: string;
  readonly instance: string | null;
}

const instance = (input: { readonly instance: string | null }) => input.instance;

/** Of a command that concerns no single cache. */
export const ofAll = { keys: () => [SHARED_KEY], instance };

/** Of a command of a cache. What caches share lies elsewhere on a Redis Cluster, where it is not needed. */
export const ofCache = {
  keys: (input: OfCache) =>
    input.instance === null ? [cacheKey(input.cache)] : [cacheKey(input.cache), SHARED_KEY],
  instance,
};
