#!lua flags=no-writes
-- Finds the caches that have something to be swept.
-- KEYS 1 what the caches of a shard share
-- ARGV 1 at most so many
-- Returns their stems.
-- @include @redis/clock.lua
-- @include parts/instance.lua
return function()
  return redis.call('ZRANGE', Instance.shared .. ':due', '-inf', now, 'BYSCORE', 'LIMIT', 0, ARGV[1])
end
