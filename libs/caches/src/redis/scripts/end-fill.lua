#!lua flags=allow-oom
-- Ends the fill lease of a caller that will store nothing with it.
-- KEYS 1 stem  2 the fill lease of the key  3 what the caches of its shard share
-- ARGV 1 key  2 id of the lease  3 reason, for those who wait ('' : none, they look again)
-- Returns 1, or 0 when it was not in force.
-- Invariant: only the holder's id ends a lease.
-- @include parts/fill-lease.lua
return function()
  if FillLease.of(ARGV[1]) ~= ARGV[2] then return 0 end
  FillLease.finish(ARGV[1], ARGV[2], ARGV[3] ~= '' and ARGV[3] or nil)
  return 1
end
