#!lua flags=allow-oom
-- Takes a parked receiver out. When it was woken and did not take what it was woken for, the next one is.
-- KEYS 1 queue (see parts/queue.lua)
-- ARGV 1 waiter 'NODE#ID'
-- @include parts/waiters.lua
return function()
  if Waiters.remove(ARGV[1]) == 0 and Queue.open({ texts = 1, 'gen', 'paused' }) then Waiters.wake(1) end
  return 0
end
