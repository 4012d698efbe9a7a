#!lua flags=allow-oom
-- Removes some messages, wherever they stand. Receipts of theirs are stale from now on.
-- KEYS 1 queue (see parts/queue.lua)
-- ARGV ids
-- Returns {how many, due in ms or -1, level of the queue, unless it is 'local'}; nil when there is no such queue.
-- Invariant: what was removed is not delivered afterwards.
-- @include parts/message.lua
-- @include parts/waiters.lua
return function()
  if not Queue.open(Queue.ALL) then return nil end
  local deleted = 0
  for _, id in ipairs(ARGV) do
    local token, record = Identity.find(id)
    if token then
      Message.cancel(token, record)
      deleted = deleted + 1
    end
  end
  Ready.place()
  Waiters.wake(Ready.newly_ready())
  local due = Due.tell('')
  Queue.save()
  return { deleted, due, Queue.level() }
end
