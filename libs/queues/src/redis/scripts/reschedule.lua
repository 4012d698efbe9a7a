#!lua flags=allow-oom
-- Gives a message that waits another delay, counted from now, or another priority.
-- KEYS 1 queue (see parts/queue.lua)
-- ARGV 1 id  2 delay, ms ('': as it is)  3 priority ('': as it is)  4 node that runs the timers ('': the caller)
-- Returns {its view (see parts/view.lua), due in ms or -1, level of the queue, unless it is 'local'}, or instead of the view 'inFlight',
--         'over' when it would be over before it is due, '' when it is not here; nil when there is no such queue.
-- Invariants: it stands in one place; it stays in the order of its group.
-- @include parts/due-work.lua
-- @include parts/rewrite.lua
-- @include parts/view.lua

local function outcome()
  local token, record = Identity.find(ARGV[1])
  if not token then return '' end
  if redis.call('ZSCORE', Queue.key('inFlight'), token) then return 'inFlight' end
  local due, delay = tonumber(redis.call('ZSCORE', Queue.key('delayed'), Token.member(token))), tonumber(ARGV[2])
  if delay then due = delay > 0 and now + delay or nil end
  if due and due >= Message.over_at(token, record) then return 'over' end
  local changed = Record.reschedule(record, tonumber(ARGV[3]) or Token.priority(token))
  token = Rewrite.to(token, record, changed, due)
  Ready.place()
  return View.of(token, changed)
end

return function()
  if not Queue.open(Queue.ALL) then return nil end
  if q.due and q.due <= now then DueWork.run() end
  local reply = outcome()
  Waiters.wake(Ready.newly_ready())
  local due = Due.tell(ARGV[4])
  Queue.save()
  return { reply, due, Queue.level() }
end
