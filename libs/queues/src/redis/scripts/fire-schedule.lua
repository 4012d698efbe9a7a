#!lua
-- Sends the messages of occurrences that have come, and moves their schedule on, in one step.
-- KEYS 1 queue (see parts/queue.lua)
-- ARGV 1 id of the schedule  2 its revision  3 the occurrence that it stands at, ms  4 the one that it goes on to, ms, 'inf' for none
--      5 node that runs the timers ('': the caller)  then of each occurrence that is to be sent, in order: at, ms; delay from now, ms
-- Returns {'sent', in how many ms there is more to do, -1 for never}; {'full'} when the limits of the queue forbid it; {'moved'} when it
--         stands elsewhere, was changed, or that occurrence has not come yet; nil when there is no such queue.
-- Invariants: an occurrence is sent once, however many nodes take it for theirs, and not before it has come.
-- @include @redis/happened.lua
-- @include parts/due.lua
-- @include parts/instance.lua
-- @include parts/ready.lua
-- @include parts/schedule.lua
-- @include parts/waiters.lua
local FIRST = 6

return function()
  if not Queue.open({ texts = 2, 'gen', 'instance' }) then return nil end
  Instance.check()
  Queue.open(Queue.ALL)
  local id, last = ARGV[1], ARGV[#ARGV > FIRST and #ARGV - 1 or 3] + 0
  local revision, tail, sent, name = unpack(redis.call('HMGET', Schedule.key(id), 'revision', 'tail', 'sent', 'name'))
  if Schedule.next_of(id) ~= ARGV[3] or revision ~= ARGV[2] or last > now then return { 'moved' } end
  local count = (#ARGV - FIRST + 1) / 2
  if count > 0 and Schedule.room(tail, count) then return { 'full' } end
  for i = FIRST, #ARGV, 2 do Schedule.append(id, ARGV[i] + 0, tail, ARGV[i + 1] + 0, id .. '.' .. ARGV[i]) end
  redis.call('ZADD', Queue.lasting_key('schedules'), ARGV[4], id)
  local due = Schedule.tell(ARGV[5], ARGV[4])
  if count > 0 then
    redis.call('HSET', Schedule.key(id), 'sent', sent + count)
    happened('fired', name, { queue = Queue.name() }, count)
    Schedule.write(id)
    Waiters.wake(Ready.place())
    local message_due = Due.tell(ARGV[5])
    if message_due >= 0 and (due < 0 or message_due < due) then due = message_due end
    Queue.save()
  end
  return { 'sent', due }
end
