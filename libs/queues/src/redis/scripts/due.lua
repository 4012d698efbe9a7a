-- `due` is never later than the next thing that the queue has to do by itself. Whoever makes it earlier tells
-- the node that runs the queue's timers; ARGV.due is that node's channel, '' when the caller is that node.
-- @include state.lua
-- How late the timers may be before somebody else reminds them.
local LATE_MS = 1000
local announced = -1

local function announce(at)
  if q.due and at >= q.due and q.due >= now - LATE_MS then return end
  if q.due and q.due < now and at > now then at = now end
  set('due', at)
  announced = math.max(0, at - now)
end

-- Tells it once, at the end of a script. Returns in how many ms, -1 when nothing became earlier.
local function tell_due(channel)
  if announced >= 0 and channel ~= '' then publish(channel, { queue = name, inMs = announced }) end
  return announced
end
