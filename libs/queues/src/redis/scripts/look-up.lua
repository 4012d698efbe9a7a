#!lua flags=allow-oom
-- Looks a message up by its id.
-- KEYS 1 queue (see parts/queue.lua)
-- ARGV 1 id
-- Returns its view (see parts/view.lua), or when it is not here {how it ended, as JSON, or '', dead-letter queue, outbox length,
--         and when it is kept: result, progress, tries, attempts, record}; nil when there is no such queue.
-- @include parts/due-work.lua
-- @include parts/ended.lua
-- @include parts/view.lua
local function missing(id)
  local kept = Results.of(id)
  if not kept then return { Ended.how(id) or '', q.deadLetterQueue, Outbox.length() } end
  return { kept[1], q.deadLetterQueue, Outbox.length(), unpack(kept, 2) }
end

return function()
  if not Queue.open(Queue.ALL) then return nil end
  if q.due and q.due <= now then
    DueWork.run()
    Waiters.wake(Ready.newly_ready())
  end
  local token, record = Identity.find(ARGV[1])
  local reply = token and View.of(token, record) or missing(ARGV[1])
  Queue.save()
  return reply
end
