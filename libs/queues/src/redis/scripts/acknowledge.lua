#!lua flags=allow-oom
-- Ends deliveries for good: their messages are never delivered again.
-- KEYS 1 queue (see parts/queue.lua)
-- ARGV for each receipt: gen, token, delivery, size of the record; then, where a receiver has results, JSON: an array with, for each
--      receipt, the facts of the attempt (parts/attempts.lua) and the result as JSON or ''; then, where the receiver of a single receipt sends
--      messages, what Outbox.send takes of them (parts/outbox.lua); without results '' stands before these
-- Returns {'1' (acked) or '0' (stale) for each, as one string; how many messages of the generation are gone; due in ms or -1; level of
--         the queue, unless it is 'local'}, or only the number of those gone when all were acked, nothing became due earlier and the
--         level is 'local'; where messages are sent {.., level or '', length of the outbox}; nil when there is no such queue.
-- Invariants: only the newest delivery counts, and only within its time; once acked, a receipt answers so for 5 minutes; messages are sent by
--             the ack that counts, and by no repeat of it.
-- @include parts/acked.lua
-- @include parts/ended.lua
-- @include parts/flight.lua
-- @include parts/outbox.lua
-- @include parts/ready.lua
-- @include parts/receipts.lua
-- @include parts/waiters.lua
local FIELDS = { texts = 3, 'gen', 'remembering', 'durability', 'seq', 'live', 'bytes', 'acked', 'mask', 'marks' }

-- Their ids are forgotten, and who waits for their ends is told.
local function note_ends(tokens, indices)
  local is_kept = Results.are_kept()
  local results = is_kept and ARGV[#ARGV - #ARGV % 4 + 1]
  local said = results and results ~= '' and cjson.decode(results)
  for i, token in ipairs(tokens) do
    local at = 2 * indices[i]
    local ack = is_kept and { attempt = Attempts.line('a', said and said[at - 1] or Attempts.UNKNOWN), result = said and said[at] or '' }
    Ended.note(token, Record.of(token), 'done', nil, ack)
  end
end

-- Removes the records and remembers the acks: by buckets, and within them by deliveries, of which most are the first.
local function forget(tokens, deliveries)
  local first, count, tried = 1, #tokens, nil
  while first <= count do
    local fields, last, seq, numbers = Record.neighbours(tokens, first)
    redis.call('HDEL', Record.bucket(seq), unpack(fields))
    local from = first
    for i = first, last do
      local delivery = deliveries[i]
      if i == last or deliveries[i + 1] ~= delivery then
        Acked.remember(seq, delivery, numbers, from - first + 1, i - first + 1)
        from = i + 1
      end
      if delivery ~= '1' then
        tried = tried or {}
        tried[#tried + 1] = tokens[i]
      end
    end
    first = last + 1
  end
  if tried then Tries.forget(unpack(tried)) end
end

local function leave_group(token)
  local group = Record.group(Record.of(token), token)
  redis.call('ZREM', Queue.key('groups'), Group.member(group, token))
  Group.end_flight(group, 1)
end

return function()
  if not Queue.open(FIELDS) then return nil end
  local options = #ARGV % 4
  local sends = options == 3
  local tokens, indices, count = Receipts.valid(1, 4, #ARGV - options)
  local n, deliveries, bytes, grouped = #tokens, { nil }, 0, false
  for i = 1, n do
    local at = 4 * indices[i]
    deliveries[i] = ARGV[at - 1]
    bytes = bytes + ARGV[at]
    if Token.in_group(tokens[i]) then
      leave_group(tokens[i])
      grouped = true
    end
  end
  if n > 0 then
    Flight.finish(unpack(tokens))
    if (q.marks or 0) > Marks.TRIED then note_ends(tokens, indices) end
    forget(tokens, deliveries)
    Queue.set('live', q.live - n)
    Queue.set('bytes', q.bytes - bytes)
    Queue.set('acked', q.acked + n)
    if grouped or Flight.freed() > 0 then
      Waiters.wake(Ready.place())
    end
    if sends then Outbox.send(ARGV[#ARGV - 1], ARGV[#ARGV]) end
    Queue.save()
  end
  local gone, level, due = q.seq - q.live, Queue.level(), Due.tell('')
  if n == count and not level and due < 0 then return gone end
  local verdicts = {}
  for i = 1, n do verdicts[indices[i]] = '1' end
  for i = 1, count do
    if not verdicts[i] and Acked.was(ARGV[4 * i - 3], ARGV[4 * i - 2], ARGV[4 * i - 1]) then verdicts[i] = '1' end
  end
  local reply = { Receipts.verdicts(verdicts, count), gone, due, level }
  if sends then reply[4], reply[5] = level or '', Outbox.length() end
  return reply
end
