#!lua
-- Makes a schedule, or changes one that is as the caller saw it.
-- KEYS 1 queue (see parts/queue.lua)
-- ARGV 1 id of the schedule  2 revision that it has, '' to make it  3 next occurrence that it has, ms, 'inf' for none  4 the one that it
--      gets  5 node that runs the timers ('': the caller)  6 most schedules of a queue  then its fields (see parts/schedule.lua): field, value, ...
-- Returns {'done', in how many ms it is due, -1 for never; level of the queue, unless it is 'local'}; {'full'} when there are too many;
--         {'changed'} when it is not as the caller saw it; nil when there is no such queue.
-- Invariant: an occurrence that was sent is not the next one again.
-- @include parts/schedule.lua
return function()
  if not Queue.open({ texts = 2, 'gen', 'durability' }) then return nil end
  local schedules, id = Queue.lasting_key('schedules'), ARGV[1]
  if ARGV[2] == '' then
    if Schedule.next_of(id) then return { 'changed' } end
    if redis.call('ZCARD', schedules) >= ARGV[6] + 0 then return { 'full' } end
  elseif Schedule.next_of(id) ~= ARGV[3] or redis.call('HGET', Schedule.key(id), 'revision') ~= ARGV[2] then
    return { 'changed' }
  end
  redis.call('HSET', Schedule.key(id), unpack(ARGV, 7))
  redis.call('HINCRBY', Schedule.key(id), 'revision', 1)
  redis.call('ZADD', schedules, ARGV[4], id)
  return { 'done', Schedule.tell(ARGV[5], ARGV[4]), Queue.level() }
end
