#!lua flags=allow-oom
-- Stops deliveries, or lets them go on. Sends, acks and timers go on meanwhile.
-- KEYS 1 queue (see parts/queue.lua)
-- ARGV 1 '1': stop, '0': go on
-- Returns {1, level of the queue, unless it is 'local'}; nil when there is no such queue.
-- @include parts/waiters.lua
return function()
  if not Queue.open({ texts = 2, 'gen', 'durability', 'live', 'paused' }) then return nil end
  Queue.set('paused', tonumber(ARGV[1]))
  Waiters.wake_for_all()
  Queue.save()
  return { 1, Queue.level() }
end
