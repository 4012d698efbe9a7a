#!lua flags=allow-oom
-- Looks a message up by its id.
-- KEYS 1 queue (see parts/queue.lua)
-- ARGV 1 id
-- Returns its view (see parts/view.lua), or when it is not here {how it ended, as JSON, or '', dead-letter queue, outbox length};
--         nil when there is no such queue.
-- @include parts/due-work.lua
-- @include parts/ended.lua
-- @include parts/view.lua
return function()
  if not Queue.open(Queue.ALL) then return nil end
  if q.due and q.due <= now then
    DueWork.run()
    Waiters.wake(Ready.newly_ready())
  end
  local token, record = Identity.find(ARGV[1])
  local reply = token and View.of(token, record)
    or { Ended.how(ARGV[1]) or '', q.deadLetterQueue, Outbox.length() }
  Queue.save()
  return reply
end
