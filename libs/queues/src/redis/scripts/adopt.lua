#!lua flags=allow-oom
-- Takes over messages that another queue has posted here. Limits do not apply: they would lose messages.
-- KEYS 1 queue (see state.lua)
-- ARGV 1 queue that they come from  2 prefix of the channels that wake nodes
--      3 channel of the node that runs the timers ('': the caller)
--      then for each, in order: number, record without the time, '1' when it comes back to where it was sent
-- Returns 1; nil when there is no such queue.
-- Invariant: each number is taken over once.
-- @include append.lua
-- @include wake.lua
if not open(ALL) then return nil end
local from = 'from:' .. ARGV[1]
local last = tonumber(call('HGET', KEYS[1], from)) or 0
for i = 4, #ARGV, 3 do
  local number = tonumber(ARGV[i])
  if number > last then
    append(ARGV[i + 1], 0)
    if ARGV[i + 2] == '1' and q.dead > 0 then add('dead', -1) else add('sent', 1) end
    last = number
  end
end
write_appended()
call('HSET', KEYS[1], from, string.format('%.0f', last))
wake(fresh, ARGV[2])
tell_due(ARGV[3])
save()
return 1
