-- Looks for keys whose fill lease is free: who waits for their fill should look again.
-- KEYS 1 stem
-- ARGV keys
-- Returns those that are free.
-- @include state.lua
local free = {}
for _, key in ipairs(ARGV) do
  if redis.call('EXISTS', stem .. ':l:' .. key) == 0 then free[#free + 1] = key end
end
return free
