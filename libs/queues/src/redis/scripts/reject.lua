#!lua flags=allow-oom
-- Ends deliveries without success: their messages come back, at once or after a delay, or become dead letters.
-- KEYS 1 queue (see parts/queue.lua)
-- ARGV 1 node that runs the timers ('': the caller)  2 delay, ms ('': the queue's back-off)  3 '1': dead, whatever is left
--      then for each receipt: gen, token, delivery, facts of the attempt (parts/attempts.lua)
-- Returns {'1' (requeued), '2' (dead), '3' (expired) or '0' (stale) for each, as one string; due in ms or -1; outbox length;
--         level of the queue, unless it is 'local'};
--         nil when there is no such queue.
-- Invariant: as for acknowledge.lua; what was delivered maxReceives times is not delivered again.
-- @include parts/flight.lua
-- @include parts/message.lua
-- @include parts/receipts.lua
-- @include parts/waiters.lua
local VERDICTS = { requeued = '1', dead = '2', expired = '3' }

return function()
  if not Queue.open(Queue.ALL) then return nil end
  local tokens, indices, count = Receipts.valid(4, 4)
  local delay, dead, verdicts = tonumber(ARGV[2]), ARGV[3] == '1', {}
  for i, token in ipairs(tokens) do
    Flight.finish(token)
    local facts = ARGV[4 * indices[i] + 3]
    verdicts[indices[i]] = VERDICTS[Message.fail(token, 'n', delay, facts, dead)]
  end
  Waiters.wake(Ready.place())
  local due = Due.tell(ARGV[1])
  Queue.save()
  return { Receipts.verdicts(verdicts, count), due, Outbox.length(), Queue.level() }
end
