#!lua flags=allow-oom
-- Does what the queue has to do by itself now: promotes what is due, ends leases, drops what is too old.
-- KEYS 1 queue (see state.lua)
-- ARGV 1 prefix of the channels that wake nodes
-- Returns {in how many ms there is more to do, -1 for nothing; outbox length}; nil when there is no such queue.
-- Invariant: running it twice, or on two nodes at once, does no harm.
-- @include due-work.lua
if not open(ALL) then
  local more = empty_trash()
  local out = call('LLEN', base .. 'out')
  if not more and out == 0 then return nil end
  return { more and 0 or OUTBOX_RETRY_MS, out }
end
do_due_work()
wake(fresh, ARGV[1])
save()
return { q.due and math.max(0, q.due - now) or -1, call('LLEN', base .. 'out') }
