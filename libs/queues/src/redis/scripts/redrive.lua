#!lua flags=allow-oom
-- Puts dead letters that are ready on their way back: one step of a redrive.
-- KEYS 1 queue (see state.lua)
-- ARGV 1 how many at most  2 queue that they go to ('': where each came from)
--      3 channel of the node that runs the timers ('': the caller)  4 id of this step ('': none)
--      5 for how long its outcome is remembered, ms
-- Returns {moved, looked at, due in ms or -1, 1 when this step was done before}; nil when there is no such queue.
-- Invariant: a message that has left for another queue is in this one no more; a step with an id is done once.
-- @include take.lua
if not open(ALL) then return nil end
local outcome = ARGV[4] ~= '' and base .. 'redrive:' .. ARGV[4]
local before = outcome and call('GET', outcome)
if before then return { tonumber(before), 0, -1, 1 } end

local function origin_of(record)
  local flags, at = string.byte(record, 7), 8
  if bit.band(flags, 32) ~= 0 then at = at + 6 end
  if bit.band(flags, 16) ~= 0 then at = at + 2 + struct.unpack('>I2', record, at) end
  if bit.band(flags, 64) == 0 then return nil end
  local dead_letter = cjson.decode((struct.unpack('>I3c0', record, at))).deadLetter
  return type(dead_letter) == 'table' and dead_letter.queue or nil
end

take(tonumber(ARGV[1]))
local moved = 0
for i, token in ipairs(taken) do
  local record = records[i]
  local to = ARGV[2] ~= '' and ARGV[2] or origin_of(record)
  if has_group(token) then leave_flight(group_of(record, token), 1) end
  if to then
    post(token, record, to, 'redrive', 0)
    add('acked', 1)
    moved = moved + 1
  elseif not has_group(token) then
    arrive(token)
  end
end
place_stirred()
local due = tell_due(ARGV[3])
if outcome then call('SET', outcome, moved, 'PX', ARGV[5]) end
save()
return { moved, count, due, 0 }
