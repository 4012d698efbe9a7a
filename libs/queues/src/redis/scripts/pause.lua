#!lua flags=allow-oom
-- Stops deliveries, or lets them go on. Sends, acks and timers go on meanwhile.
-- KEYS 1 queue (see parts/queue.lua)
-- ARGV 1 '1': stop, '0': go on
-- Returns {1, level of the queue, unless it is 'local'}; nil when there is no such queue.
-- @include @redis/happened.lua
-- @include parts/waiters.lua
return function()
  if not Queue.open({ texts = 2, 'gen', 'durability', 'live', 'paused' }) then return nil end
  local paused = tonumber(ARGV[1])
  if (q.paused or 0) ~= paused then happened(paused == 1 and 'paused' or 'resumed', Queue.name()) end
  Queue.set('paused', paused)
  Waiters.wake_for_all()
  Queue.save()
  return { 1, Queue.level() }
end
