#!lua flags=allow-oom
-- Makes a part of a cache, unless it is there: also while Redis is full, for writes that make room.
-- KEYS 1 stem  2 what the caches of its shard share
-- ARGV 1 the configuration that it begins with, as another part of the cache returned it; '' for the default
-- Returns its configuration, '' for the default.
-- @include parts/cache.lua
return function()
  if not Cache.exists then
    Cache.next_version()
    if ARGV[1] ~= '' then Cache.configure(ARGV[1]) end
  end
  return Cache.configuration
end
