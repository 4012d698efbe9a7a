#!lua flags=no-writes
-- Whether a delivery was acked within the last 5 minutes.
-- KEYS 1 queue (see parts/queue.lua)
-- ARGV gen, token, delivery
-- Returns 1 or 0.
-- @include parts/acked.lua
local FIELDS = { texts = 1, 'gen' }

return function()
  if not Queue.open(FIELDS) then return 0 end
  return Acked.was(ARGV[1], ARGV[2], ARGV[3]) and 1 or 0
end
