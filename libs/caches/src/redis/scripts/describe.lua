#!lua flags=no-writes
-- Reads the configuration and the size of a cache.
-- KEYS 1 stem  2 what the caches of its shard share
-- Returns {1 when the cache exists, default ttl, largest entry, near cache bytes, coherence, largest bytes, most entries,
--         entries, bytes, {counter, value, ...}}; '' for a default or no bound.
-- @include parts/cache.lua
return function()
  return {
    Cache.exists and 1 or 0, Cache.ttl, Cache.largest, Cache.near_bytes, Cache.coherence, Cache.max_bytes, Cache.max_entries,
    redis.call('ZCARD', Cache.stem .. ':index'), Cache.bytes,
    redis.call('HGETALL', Cache.stem .. ':stats'),
  }
end
