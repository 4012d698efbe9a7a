#!lua flags=allow-oom
-- Takes over messages that another queue has posted here. Limits do not apply: they would lose messages.
-- KEYS 1 queue (see parts/queue.lua)
-- ARGV 1 queue that they come from  2 node that runs the timers ('': nobody is to be told)
--      then for each, in order: number, record without the time, '1' when it comes back to where it was sent, id
-- Returns 1; nil when there is no such queue.
-- Invariant: each number is taken over once.
-- @include @redis/integer.lua
-- @include parts/append.lua
-- @include parts/identity.lua
-- @include parts/instance.lua
-- @include parts/waiters.lua
local FIELDS = { texts = 2, 'gen', 'instance' }

return function()
  if not Queue.open(FIELDS) then return nil end
  Instance.check()
  Queue.open(Queue.ALL)
  local from = 'from:' .. ARGV[1]
  local last = tonumber(redis.call('HGET', KEYS[1], from)) or 0
  for i = 3, #ARGV, 4 do
    local number = tonumber(ARGV[i])
    if number > last then
      Identity.adopt(Append.add(ARGV[i + 1], 0), ARGV[i + 3])
      if ARGV[i + 2] == '1' and q.dead > 0 then Queue.add('dead', -1) else Queue.add('sent', 1) end
      last = number
    end
  end
  Append.write()
  redis.call('HSET', KEYS[1], from, int(last))
  Waiters.wake(Ready.place())
  Due.tell(ARGV[2])
  Queue.save()
  return 1
end
