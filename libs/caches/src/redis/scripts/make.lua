#!lua flags=allow-oom
-- Makes a part of a cache, unless it is there: also while Redis is full, for writes that make room.
-- KEYS 1 stem  2 what the caches of its shard share
-- Returns its configuration: text.
-- @include parts/cache.lua
return function()
  if not Cache.exists then Cache.next_version() end
  return Cache.configuration
end
