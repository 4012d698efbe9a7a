#!lua flags=allow-oom
-- Puts some dead letters that wait on their way back.
-- KEYS 1 queue (see parts/queue.lua)
-- ARGV 1 queue that they go to ('': where each came from)  2 node that runs the timers ('': the caller)  then ids
-- Returns {moved, due in ms or -1, level of the queue, unless it is 'local'}; nil when there is no such queue.
-- Invariant: a message that has left for another queue is in this one no more.
-- @include @redis/happened.lua
-- @include parts/waiters.lua
-- @include parts/way-back.lua
return function()
  if not Queue.open(Queue.ALL) then return nil end
  local moved = 0
  for i = 3, #ARGV do
    local token, record = Identity.find(ARGV[i])
    local to = token and not redis.call('ZSCORE', Queue.key('inFlight'), token) and WayBack.leads(record, ARGV[1])
    if to then
      Message.unplace(token)
      WayBack.post(token, record, to)
      moved = moved + 1
    end
  end
  if moved > 0 then happened('redriven', Queue.name(), nil, moved) end
  Ready.place()
  Waiters.wake(Ready.newly_ready())
  local due = Due.tell(ARGV[2])
  Queue.save()
  return { moved, due, Queue.level() }
end
