export { checkRedis } from './boot-check.js';
export { namespacePrefix, type RedisAccess } from './connection/access.js';
export {
  commandConnection,
  type RedisClient,
  singleLifeConnection,
  subscriberConnection,
  whenReady,
} from './connection/connection.js';
export { pingPrimaries } from './connection/ping-primaries.js';
export { primariesOf, primaryOf } from './connection/primary.js';
export { PrimaryOf } from './connection/primary-of.js';
export { InvalidRedisUrl, parseRedisUrl } from './connection/redis-url.js';
export { Commits } from './durability/commits.js';
export { BUCKETS_S, Durations } from './durations.js';
export { fieldOf, modeOf } from './info.js';
export { FIRST_PAGE, fromCursor, nextPage, type PageStart, toCursor } from './listing.js';
export { type Happening, onHappenings } from './lua/happenings.js';
export { type LibraryCommand, LuaLibrary } from './lua/library.js';
export { removeLibraries } from './lua/remove-libraries.js';
export { scriptDurations } from './lua/script-durations.js';
export { Names, partOf } from './names.js';
export { pageAfter } from './pages.js';
export { RedisModule } from './redis.module.js';
export { REDIS, REDIS_OPTIONS, type RedisModuleOptions } from './redis.token.js';
export { loadOfRedis } from './redis-load.js';
export { describeRedis } from './redis-state.js';
export { SeenNumbers } from './seen-numbers.js';
export {
  type ErrorLog,
  isFull,
  isRefused,
  isReplyError,
  logUnlessAway,
  StoreUnavailable,
  storeError,
} from './store-unavailable.js';
export { UnknownInstance } from './unknown-instance.js';
export { mistakeBehind, UnsuitableRedis } from './unsuitable-redis.js';
