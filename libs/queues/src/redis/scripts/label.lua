#!lua flags=allow-oom
-- Replaces the labels of a queue, unless they are others than the caller thinks.
-- KEYS 1 queue (see parts/queue.lua)
-- ARGV 1 what they are ('': none)  2 what they are to be
-- Returns {1 when this was done, 0 when not; level of the queue, unless it is 'local'}; nil when there is no such queue.
-- @include parts/queue.lua
return function()
  if not Queue.open({ texts = 3, 'gen', 'durability', 'labels' }) then return nil end
  if (q.labels or '') ~= ARGV[1] then return { 0 } end
  Queue.set('labels', ARGV[2])
  Queue.save()
  return { 1, Queue.level() }
end
