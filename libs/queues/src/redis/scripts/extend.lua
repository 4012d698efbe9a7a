#!lua flags=allow-oom
-- Gives deliveries more time, or less, counted from now.
-- KEYS 1 queue (see parts/queue.lua)
-- ARGV 1 node that runs the timers ('': the caller)  2 visibility timeout, ms  3 how far their receiver is, JSON ('': nothing new)
--      then for each receipt: gen, token, delivery
-- Returns {'1' (extended) or '0' (stale) for each, as one string; due in ms or -1; level of the queue,
--         unless it is 'local'}; nil when there is no such queue.
-- Invariant: as for acknowledge.lua.
-- @include parts/due.lua
-- @include parts/progress.lua
-- @include parts/receipts.lua
return function()
  if not Queue.open({ texts = 2, 'gen', 'durability', 'due' }) then return nil end
  local tokens, indices, count = Receipts.valid(4, 3)
  local ends, scores, verdicts = now + ARGV[2], {}, {}
  for i, token in ipairs(tokens) do
    scores[2 * i - 1], scores[2 * i] = ends, token
    verdicts[indices[i]] = '1'
    if ARGV[3] ~= '' then Progress.set(token, ARGV[3]) end
  end
  if #tokens > 0 then
    redis.call('ZADD', Queue.key('inFlight'), 'XX', unpack(scores))
    Due.announce(ends)
  end
  local due = Due.tell(ARGV[1])
  Queue.save()
  return { Receipts.verdicts(verdicts, count), due, Queue.level() }
end
