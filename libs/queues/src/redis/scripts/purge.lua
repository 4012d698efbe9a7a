#!lua flags=allow-oom
-- Removes all messages of a queue: ready, delayed and in flight. Their receipts are stale from now on.
-- KEYS 1 queue (see parts/queue.lua)
-- ARGV 1 node that runs the timers ('': the caller)
-- Returns {how many, due in ms or -1, level of the queue, unless it is 'local'}; nil when there is no such queue.
-- Invariant: nothing that was sent before is delivered afterwards.
-- @include @redis/clock.lua
-- @include @redis/happened.lua
-- @include @redis/integer.lua
-- @include parts/due.lua
-- @include @redis/hint.lua
-- @include parts/trash.lua
local COUNTERS = { 'seq', 'live', 'bytes', 'mask', 'low', 'sweep', 'sweepAt', 'kept' }

return function()
  if not Queue.open(Queue.ALL) then return nil end
  local purged = q.live
  local gen = q.gen
  Queue.add('unacked', redis.call('ZCARD', Queue.key('inFlight')))
  Trash.discard()
  Queue.set('gen', int(math.max(gen + 1, micros)))
  hint('queue', 'queue.over', nil, cjson.encode({ queue = Queue.name(), gen = gen, next = q.gen }))
  Queue.add('expired', purged)
  happened('purged', Queue.name(), nil, purged)
  for _, counter in ipairs(COUNTERS) do Queue.set(counter, 0) end
  if Trash.any() then Due.announce(now) end
  local due = Due.tell(ARGV[1])
  Queue.save()
  return { purged, due, Queue.level() }
end
