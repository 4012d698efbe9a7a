#!lua flags=allow-oom
-- Hands out messages that are ready, oldest of the highest priority first, each for the visibility timeout.
-- KEYS 1 queue (see parts/queue.lua)
-- ARGV 1 how many at most  2 visibility timeout, ms ('': the queue's)  3 waiter 'NODE#ID' to park when there is
--      nothing ('': none)  4 its arrival from an earlier call ('': it arrives now)
--      5 node that runs the timers ('': the caller); then, of a receive that may be repeated: its id, the claim of this call (parts/receive-attempt.lua)
-- Returns {gen, secret, visible until, due in ms or -1, outbox length, arrival, handed out at, token, tries, record, ...}, and when there is a
--         message the level of the queue, unless it is 'local';
--         nil when there is no such queue.
-- Invariants: a message is in flight at most once; a group has one batch in flight, or in a FIFO queue none that is older than what is handed out; a receive that is repeated by its id gets what it got.
-- @include parts/due-work.lua
-- @include parts/flight.lua
-- @include parts/instance.lua
-- @include parts/receive-attempt.lua
-- @include parts/take.lua
local FIELDS = {
  texts = 4, 'gen', 'instance', 'secret', 'durability', 'mask', 'marks', 'due', 'paused', 'visibilityTimeoutMs', 'rateMax',
}

-- Takes what is ready, as much as limits let it.
local function take(allowed)
  local room = Marks.has(Marks.FLIGHT_LIMIT) and Flight.room() or math.huge
  local tokens, records = Take.first(q.paused == 1 and 0 or math.min(ARGV[1], allowed, room))
  if q.rateMax and #tokens > 0 then Rate.spend(#tokens) end
  return tokens, records
end

return function()
  if not Queue.open(FIELDS) then return nil end
  Instance.check()
  local outbox, woken_for = 0, 0
  if q.due and q.due <= now then
    Queue.open(Queue.ALL)
    DueWork.run()
    outbox, woken_for = Outbox.length(), Ready.newly_ready()
  end

  local ends = now + (ARGV[2] ~= '' and ARGV[2] or q.visibilityTimeoutMs)
  local waiter, arrival, attempt, claim = ARGV[3], ARGV[4], ARGV[6], ARGV[7]
  local allowed = Rate.allowance()
  local tokens, at, records
  if attempt then tokens, at = ReceiveAttempt.find(attempt) end
  if tokens then
    records = Record.of_all(tokens)
  else
    at, tokens, records = now, take(allowed)
  end
  local reply = { q.gen, q.secret, ends, -1, outbox, '', at, nil, nil, nil }
  local count = #tokens
  if count > 0 then
    local tries = Tries.of(tokens)
    Flight.begin(tokens, ends)
    if attempt then ReceiveAttempt.remember(attempt, claim, at, ends, tokens, tries) end
    for i = 1, count do
      local place = 5 + 3 * i
      reply[place], reply[place + 1], reply[place + 2] = tokens[i] + 0, (tries[i] or 0) + 0, records[i]
    end
    if arrival ~= '' then Waiters.remove(waiter) end
    reply[#reply + 1] = Queue.level()
  elseif waiter ~= '' then
    reply[6] = Waiters.park(waiter, arrival)
    if q.rateMax and allowed < 1 and Ready.any() then Due.announce(Rate.room_at()) end
  end
  local more = Ready.place() - woken_for
  Waiters.wake(woken_for > count and woken_for - count + more or more)
  reply[4] = Due.tell(ARGV[5])
  Queue.save()
  return reply
end
