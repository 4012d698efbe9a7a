#!lua
-- Sends a message of a schedule now, whatever its occurrences are.
-- KEYS 1 queue (see parts/queue.lua)
-- ARGV 1 id of the schedule  2 node that runs the timers ('': the caller)
-- Returns {id of the message, now in ms, due in ms or -1, level of the queue, unless it is 'local'}; {'full', 'maxLength' or 'maxBytes'};
--         nil when there is no such schedule.
-- @include parts/due.lua
-- @include parts/instance.lua
-- @include parts/ready.lua
-- @include parts/schedule.lua
-- @include parts/waiters.lua
return function()
  if not Queue.open({ texts = 2, 'gen', 'instance' }) then return nil end
  Instance.check()
  Queue.open(Queue.ALL)
  local id = ARGV[1]
  local tail = redis.call('HGET', Schedule.key(id), 'tail')
  if not tail then return nil end
  local full = Schedule.room(tail, 1)
  if full then return { 'full', full } end
  local message = Schedule.append(id, now, tail, 0)
  Schedule.write(id)
  Waiters.wake(Ready.place())
  local due = Due.tell(ARGV[2])
  Queue.save()
  return { message, now, due, Queue.level() }
end
