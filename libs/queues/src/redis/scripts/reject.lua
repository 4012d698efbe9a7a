#!lua flags=allow-oom
-- Ends deliveries without success: their messages come back, at once or after a delay, or become dead letters.
-- KEYS 1 queue (see state.lua)
-- ARGV 1 prefix of the channels that wake nodes  2 channel of the node that runs the timers ('': the caller)
--      3 delay, ms ('': the queue's back-off), then for each receipt: gen, token, delivery
-- Returns {'1' (requeued), '2' (dead), '3' (expired) or '0' (stale) for each, as one string; due in ms or -1; outbox length};
--         nil when there is no such queue.
-- Invariant: as for acknowledge.lua; what was delivered maxReceives times is not delivered again.
-- @include receipts.lua
-- @include fail.lua
-- @include wake.lua
if not open(ALL) then return nil end
local valid = judge(4, 3)
local count = (#ARGV - 3) / 3
local delay = tonumber(ARGV[3])
local MARKS, marks = { requeued = '1', dead = '2', expired = '3' }, {}
for i = 1, count do
  local token = valid[i]
  if token then
    call('ZREM', key('inFlight'), token)
    marks[i] = MARKS[requeue(token, 'n', delay)]
  else
    marks[i] = '0'
  end
end
place_stirred()
wake(fresh, ARGV[1])
local due = tell_due(ARGV[2])
save()
return { table.concat(marks), due, call('LLEN', base .. 'out') }
