#!lua flags=allow-oom
-- Removes a schedule. What it sent stays.
-- KEYS 1 queue (see parts/queue.lua)
-- ARGV 1 id of the schedule
-- Returns {1, or 0 when there is none; level of the queue, unless it is 'local'}; nil when there is no such queue.
-- @include parts/schedule.lua
return function()
  if not Queue.open({ texts = 2, 'gen', 'durability' }) then return nil end
  redis.call('DEL', Schedule.key(ARGV[1]))
  return { redis.call('ZREM', Queue.lasting_key('schedules'), ARGV[1]), Queue.level() }
end
