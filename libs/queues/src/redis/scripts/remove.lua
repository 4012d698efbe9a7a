#!lua flags=allow-oom
-- Removes a queue with all that it holds. Dead letters that are on their way still arrive.
-- KEYS 1 queue (see parts/queue.lua)
-- Returns {name and id of each schedule that it had, level of the queue, unless it is 'local'}; nil when there is no such queue.
-- @include @redis/hint.lua
-- @include parts/schedule.lua
-- @include parts/trash.lua
-- @include parts/waiters.lua

-- With its messages go its schedules.
local function remove_schedules()
  local schedules, removed = Queue.lasting_key('schedules'), {}
  for _, id in ipairs(redis.call('ZRANGE', schedules, 0, -1)) do
    removed[#removed + 1] = redis.call('HGET', Schedule.key(id), 'name')
    removed[#removed + 1] = id
    redis.call('UNLINK', Schedule.key(id))
  end
  redis.call('DEL', schedules)
  return removed
end

return function()
  if not Queue.open(Queue.ALL) then return nil end
  Trash.discard()
  hint('queue', 'queue.over', nil, cjson.encode({ queue = Queue.name(), gen = q.gen, next = '' }))
  Waiters.dismiss()
  redis.call('DEL', KEYS[1], Queue.waiting, Queue.lasting_key('rate'))
  return { remove_schedules(), Queue.level() }
end
