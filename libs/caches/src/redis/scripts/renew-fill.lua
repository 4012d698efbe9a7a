#!lua flags=allow-oom
-- Keeps a fill lease while its holder computes.
-- KEYS 1 stem  2 the fill lease of the key  3 what the caches of its shard share
-- ARGV 1 key  2 id of the lease  3 its time from now on, ms
-- Returns when it ends, as text in ms of Redis' clock; 0 when it is not in force.
-- Invariant: a lease that ended, or whose value may not be stored any more, is never in force again.
-- @include parts/fill-lease.lua
return function()
  local key, ms = ARGV[1], ARGV[3] + 0
  if FillLease.of(key) ~= ARGV[2] then return 0 end
  redis.call('PEXPIRE', FillLease.key(key), ms)
  redis.call('PEXPIRE', FillLease.waiting(key), ms + 1000)
  return int(now + ms)
end
