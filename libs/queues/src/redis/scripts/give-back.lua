#!lua flags=allow-oom
-- Takes back deliveries that do not count as failed: those that nobody was told of, because their client had gone, and
-- those that their receiver gives back unhandled. Their messages wait again, or wait for a delay.
-- KEYS 1 queue (see parts/queue.lua)
-- ARGV 1 node that runs the timers ('': the caller)  2 delay, ms  3 '1': their receipts were told, so that the next
--      deliveries need others, and that this is an attempt  4 id of the receive that may be repeated ('': it may not be)
--      5 claim of this call of it (parts/receive-attempt.lua): where a later one was told them, all are stale
--      then for each: gen, token, delivery, facts of the attempt (parts/attempts.lua)
-- Returns {'1' (requeued), '3' (expired) or '0' (stale) for each, as one string; due in ms or -1; level of the queue,
--         unless it is 'local'}; nil when there is no such queue.
-- Invariant: as for acknowledge.lua.
-- @include parts/flight.lua
-- @include parts/message.lua
-- @include parts/receipts.lua
-- @include parts/receive-attempt.lua
-- @include parts/waiters.lua
return function()
  if not Queue.open(Queue.ALL) then return nil end
  local tokens, indices, count = Receipts.valid(6, 4)
  if ARGV[4] ~= '' and not ReceiveAttempt.withdraw(ARGV[4], ARGV[5]) then tokens = {} end
  local delay, told, verdicts = tonumber(ARGV[2]), ARGV[3] == '1', {}
  for i, token in ipairs(tokens) do
    Flight.finish(token)
    if told then
      Tries.add_given_back(token)
      Attempts.add(token, 's', ARGV[4 * indices[i] + 5])
      Queue.add('unacked', 1)
    end
    verdicts[indices[i]] = Message.put_back(token, Record.of(token), delay) == 'expired' and '3' or '1'
  end
  Waiters.wake(Ready.place())
  local due = Due.tell(ARGV[1])
  Queue.save()
  return { Receipts.verdicts(verdicts, count), due, Queue.level() }
end
