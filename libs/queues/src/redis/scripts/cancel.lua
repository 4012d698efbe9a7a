#!lua flags=allow-oom
-- Removes a message, wherever it stands. Its receipt is stale from now on.
-- KEYS 1 queue (see parts/queue.lua)
-- ARGV 1 id  2 reason ('': none)
-- Returns {1, or 0 when it is not here and was not cancelled lately; due in ms or -1; level of the queue, unless it is 'local'}; nil when there is no
--         such queue.
-- Invariant: what was cancelled is not delivered afterwards.
-- @include parts/message.lua
-- @include parts/waiters.lua
local function was_cancelled(id)
  local how = Ended.how(id)
  return how and cjson.decode(how).state == 'cancelled'
end

return function()
  if not Queue.open(Queue.ALL) then return nil end
  local token, record = Identity.find(ARGV[1])
  if not token then return { was_cancelled(ARGV[1]) and 1 or 0, -1, Queue.level() } end
  Message.cancel(token, record, ARGV[2] ~= '' and ARGV[2] or nil)
  Waiters.wake(Ready.place())
  local due = Due.tell('')
  Queue.save()
  return { 1, due, Queue.level() }
end
