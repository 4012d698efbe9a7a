#!lua flags=allow-oom
-- Removes a queue with all that it holds. Dead letters that are on their way still arrive.
-- KEYS 1 queue (see parts/queue.lua)
-- Returns {1, level of the queue, unless it is 'local'}; nil when there is no such queue.
-- @include @redis/hint.lua
-- @include parts/trash.lua
-- @include parts/waiters.lua
return function()
  if not Queue.open(Queue.ALL) then return nil end
  Trash.discard()
  hint('queue', 'queue.over', nil, cjson.encode({ queue = Queue.name(), gen = q.gen, next = '' }))
  q.paused = 0
  Waiters.wake(math.huge)
  redis.call('DEL', KEYS[1], Queue.lasting_key('w'), Queue.lasting_key('nodes'), Queue.lasting_key('rate'))
  return { 1, Queue.level() }
end
