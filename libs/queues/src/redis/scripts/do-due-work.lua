#!lua flags=allow-oom
-- Does what the queue has to do by itself now: promotes what is due, ends visibility timeouts, drops what is too old.
-- KEYS 1 queue (see parts/queue.lua)
-- ARGV the members, when they have changed: receivers that are parked at others are passed over
-- Returns {in how many ms there is more to do, -1 for nothing; outbox length; in how many ms the next occurrence of a schedule comes, -1 for
--         none; by how many ms each delayed message was late that this made ready}; nil when there is no such queue.
-- Invariant: running it twice, or on two nodes at once, does no harm.
-- @include parts/due-work.lua
-- @include parts/schedule.lua
return function()
  if not Queue.open(Queue.ALL) then
    local more, outbox = Trash.empty(), Outbox.length()
    if not more and outbox == 0 then return nil end
    return { more and 0 or Outbox.RETRY_MS, outbox, -1, {} }
  end
  local late = DueWork.run()
  Waiters.wake(Ready.newly_ready())
  if #ARGV > 0 then Waiters.pass_over(ARGV) end
  Queue.save()
  local occurrence = Schedule.next_due()
  local due_in = q.due and math.max(0, q.due - now) or -1
  return { due_in, Outbox.length(), occurrence and math.max(0, occurrence - now) or -1, late }
end
