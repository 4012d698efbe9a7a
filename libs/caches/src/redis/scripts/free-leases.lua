-- Looks for keys whose fill lease is free: who waits for their fill should look again.
-- KEYS 1 stem  2 what all caches share
-- ARGV keys
-- Returns those that are free.
-- @include fill-lease.lua
local free = {}
for _, key in ipairs(ARGV) do
  if not fill_lease_of(key) then free[#free + 1] = key end
end
return free
