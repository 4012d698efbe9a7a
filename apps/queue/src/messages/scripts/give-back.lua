-- Takes back deliveries that nobody was told of: their caller had gone. They do not count, and their messages
-- stand at the front again.
-- KEYS 1 queue (see state.lua)
-- ARGV 1 prefix of the channels that wake nodes  2 channel of the node that runs the timers ('': the caller)
--      then for each: gen, token, delivery
-- Returns due in ms or -1; nil when there is no such queue.
-- @include receipts.lua
-- @include fail.lua
-- @include wake.lua
if not open(ALL) then return nil end
local valid = judge(3, 3)
for i = 1, (#ARGV - 2) / 3 do
  local token = valid[i]
  if token then
    call('ZREM', key('inFlight'), token)
    local record = (has_group(token) or has_ttl(token)) and record_of(token)
    if has_ttl(token) then
      local ends = enqueued_at(record) + ttl_of(record)
      call('ZADD', key('expiring'), ends, token)
      announce(ends)
    end
    if has_group(token) then leave_flight(group_of(record, token), 1) else front[#front + 1] = token end
  end
end
place_stirred()
wake(fresh, ARGV[1])
local due = tell_due(ARGV[2])
save()
return due
