#!lua flags=no-writes
-- Looks for keys whose fill lease is free: those who wait for their fill should look again.
-- KEYS 1 stem  2 what the caches of its shard share
-- ARGV keys
-- Returns those that are free.
-- @include parts/fill-lease.lua
return function()
  local free = {}
  for i = 1, #ARGV do
    if not FillLease.of(ARGV[i]) then free[#free + 1] = ARGV[i] end
  end
  return free
end
