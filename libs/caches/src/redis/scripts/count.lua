#!lua flags=allow-oom
-- Adds what a node counted to the counters of the cache. Of a cache that does not exist nothing is kept.
-- KEYS 1 stem  2 what the caches of its shard share
-- ARGV counter, increment, ...
-- Returns 1.
-- @include parts/cache.lua
return function()
  if not Cache.exists then return 1 end
  for i = 1, #ARGV, 2 do redis.call('HINCRBY', Cache.stem .. ':stats', ARGV[i], ARGV[i + 1]) end
  return 1
end
