#!lua flags=allow-oom
-- Brings a cache into the Redis instance: made in it, or carried over from the one before.
-- KEYS 1 what the caches of a shard share
-- ARGV 1 stem, without the prefix of the namespace
-- Returns 1.
-- Invariant: what an earlier instance acknowledged may be lost, so nothing of it is served unless that instance could lose
--            nothing: an older value would be wrong, a missing one is not.
-- @include parts/cache.lua
return function()
  Cache.enter(Cache.in_namespace(ARGV[1]))
  if not Cache.exists or Cache.instance == INSTANCE then return 1 end
  local is_over = Cache.is_over()
  Cache.instance = INSTANCE
  Cache.save()
  Cache.sweep_at(now)
  if is_over then Cache.flush() end
  return 1
end
