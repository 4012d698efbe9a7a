export {
  type CacheHandler,
  type CacheHandlerClass,
  type CacheHandlerContext,
  type CacheHandlerValue,
  cacheHandler,
} from './cache-handler.js';
export {
  type ComponentCacheEntry,
  type ComponentCacheHandler,
  componentCacheHandler,
} from './component-cache-handler.js';
export type { NextCacheOptions } from './options.js';
export { closeCaches, expirePath, expireTags } from './process.js';
