#!lua flags=allow-oom
-- Takes back deliveries that do not count as failed: those that nobody was told of, because their caller had gone, and
-- those that their receiver gives back unhandled. Their messages wait again, or wait for a delay.
-- KEYS 1 queue (see state.lua)
-- ARGV 1 prefix of the channels that wake nodes  2 channel of the node that runs the timers ('': the caller)
--      3 delay, ms  4 '1': their receipts were told, so that the next deliveries need others
--      then for each: gen, token, delivery
-- Returns {'1' (requeued), '3' (expired) or '0' (stale) for each, as one string; due in ms or -1};
--         nil when there is no such queue.
-- Invariant: as for acknowledge.lua.
-- @include receipts.lua
-- @include fail.lua
-- @include wake.lua
if not open(ALL) then return nil end
local valid = judge(5, 3)
local delay, told = tonumber(ARGV[3]), ARGV[4] == '1'
local marks = {}
for i = 1, (#ARGV - 4) / 3 do
  local token = valid[i]
  if token then
    call('ZREM', key('inFlight'), token)
    if told then call('HINCRBY', key('tries'), token, GIVEN_BACK) end
    marks[i] = put_back(token, record_of(token), delay) == 'expired' and '3' or '1'
  else
    marks[i] = '0'
  end
end
place_stirred()
wake(fresh, ARGV[1])
local due = tell_due(ARGV[2])
save()
return { table.concat(marks), due }
