#!lua flags=no-writes
-- Reads the configuration and the size of caches, as far as they lie in one shard.
-- KEYS 1 what the caches of a shard share
-- ARGV their stems, without the prefix of the namespace
-- Returns for each {1 when the cache exists, default ttl, largest entry, near cache bytes, coherence, largest bytes, most
--         entries, entries, bytes, {counter, value, ...}}; '' for a default or no bound.
-- @include parts/cache.lua
return function()
  local all = {}
  for i = 1, #ARGV do
    Cache.enter(Cache.in_namespace(ARGV[i]))
    local is_over = Cache.exists and Cache.is_over()
    all[i] = {
      Cache.exists and 1 or 0, Cache.ttl, Cache.largest, Cache.near_bytes, Cache.coherence, Cache.max_bytes, Cache.max_entries,
      is_over and 0 or redis.call('ZCARD', Cache.stem .. ':index'), is_over and 0 or Cache.bytes,
      redis.call('HGETALL', Cache.stem .. ':stats'),
    }
  end
  return all
end
