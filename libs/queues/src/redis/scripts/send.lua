#!lua
-- Takes messages in: all that can ever be, or none.
-- KEYS 1 queue (see parts/queue.lua)
-- ARGV 1 node that runs the timers ('': the caller)
--      2 the records without their time, each behind its length of 3 bytes  3 how many
--      4 largest message that the caller let pass, in bytes ('': the usual limit)
--      5 number of local waiters: receivers that are parked on the caller, whose clients are connected;
--      then of each: waiter, most messages, visibility timeout in ms ('': the queue's);
--      then for each message, but not when all are plain: delay in ms, its deduplication (parts/deduplication.lua) or ''
-- Returns {gen, due in ms or -1, handed, seq of the first of plain messages}, they follow each other;
--         {gen, due in ms or -1, handed, then for each message: seq; id of the one that it is a duplicate of, or whose content it replaces; or less than
--         0, minus the retention in ms, when it was not taken because it would be over before it is due};
--         handed is empty, or {secret, now, then of each waiter served: its index from 0, visible until, {token, ...}};
--         the level of the queue follows, unless it is 'local';
--         {'limit', the largest message that the queue takes, 0: the usual limit} when it is another one than the caller thought;
--         {'full', 'maxLength' or 'maxBytes', {index from 0 of each message that is not over it, were they sent one after
--         the other}}; nil when there is no such queue.
-- Invariants: a deduplication id names one message for as long as it is remembered; nobody in the line is overtaken; nothing is
--             sent in a Redis instance that is not open.
-- @include parts/append.lua
-- @include parts/deduplication.lua
-- @include parts/flight.lua
-- @include parts/instance.lua
-- @include parts/marks.lua
-- @include parts/rewrite.lua
-- @include parts/waiters.lua
local FIELDS = { texts = 3, 'gen', 'instance', 'durability', 'seq', 'live', 'bytes', 'sent', 'mask', 'marks', 'maxLength', 'maxBytes' }
local FIRST_WAITER, NOTHING_HANDED = 6, {}

-- Those at the head of the line get at once what they would come for, as long as they are local, and these messages are all
-- that is ready. Not where an answer has to be safe before it is told: then a receiver asks for itself.
local function hand_over(count)
  local handed, waiters = {}, Waiters.first(count)
  if #waiters == 0 or q.mask ~= 0 or Queue.level() or Marks.has(Marks.FLIGHT_LIMIT) or Ready.first_ranked() then return handed end
  Queue.open({ texts = 2, 'gen', 'secret', 'due', 'paused', 'rateMax', 'visibilityTimeoutMs' })
  if (q.due and q.due <= now) or q.paused == 1 or q.rateMax then return handed end
  local indices = {}
  for i = 0, count - 1 do indices[ARGV[FIRST_WAITER + 3 * i]] = i end
  for _, waiter in ipairs(waiters) do
    local index = indices[waiter]
    local at = index and FIRST_WAITER + 3 * index
    local tokens = index and Ready.pull(tonumber(ARGV[at + 1])) or {}
    if #tokens == 0 then break end
    local ends = now + (tonumber(ARGV[at + 2]) or q.visibilityTimeoutMs)
    Flight.begin(tokens, ends)
    Waiters.remove(waiter)
    if #handed == 0 then handed = { q.secret, now } end
    local n = #handed
    handed[n + 1], handed[n + 2], handed[n + 3] = index, ends, tokens
  end
  return handed
end

return function()
  if not Queue.open(FIELDS) then return nil end
  Instance.check()
  local message_limit = Marks.has(Marks.MESSAGE_LIMIT) and Queue.get('maxMessageBytes')
  if (message_limit and int(message_limit) or '') ~= ARGV[4] then return { 'limit', message_limit or 0 } end
  local tails, from, count, unpack_tail, add = ARGV[2], 1, ARGV[3] + 0, struct.unpack, Append.add
  local local_waiters = ARGV[5] + 0
  local options = FIRST_WAITER + 3 * local_waiters
  local plain, limited = #ARGV < options, q.maxLength or q.maxBytes
  local reply = { q.gen, -1, NOTHING_HANDED, q.seq }
  -- What deduplication ids of this batch name; messages that get another content; why not all fit, and which would, were they sent one
  -- after the other.
  local named, replaced, full, fits
  local held_bytes = q.maxBytes and q.bytes + (Queue.get('kept') or 0) or 0
  for i = 1, count do
    local tail
    tail, from = unpack_tail('>I3c0', tails, from)
    if plain and not limited then
      add(tail, 0)
    else
      local delay, given, original, waiting, over = 0, nil, nil, nil, nil
      if not plain then
        local text = ARGV[options + 2 * i - 1]
        delay = ARGV[options + 2 * i - 2] + 0
        if text ~= '' then
          named = named or {}
          given = Deduplication.read(text)
          original = named[given.hash] and named[given.hash].id or Deduplication.find(given.hash)
          if original and given.replaces and not named[given.hash] then
            waiting = Rewrite.waiting(original, tail, delay)
            if not waiting then original = nil end
          end
        end
      end
      if original and not waiting then
        reply[3 + i] = original
      elseif delay > 0 and delay >= (waiting and waiting.left or Queue.get('retentionMs')) then
        reply[3 + i] = -(waiting and waiting.left or q.retentionMs)
      else
        if limited then
          over = not waiting and q.maxLength and q.live + Append.added() >= q.maxLength and 'maxLength'
            or q.maxBytes and held_bytes + Append.bytes() + (waiting and waiting.growth or #tail + 6) > q.maxBytes and 'maxBytes'
        end
        if over then
          full = full or over
        elseif waiting then
          replaced = replaced or {}
          replaced[#replaced + 1] = waiting
          held_bytes = held_bytes + waiting.growth
          given.id, given.seq, named[given.hash] = original, Token.seq(waiting.token), given
          reply[3 + i] = original
        else
          local seq = add(tail, delay)
          if not plain then
            reply[3 + i] = seq
            if given then given.id, given.seq, named[given.hash] = q.gen .. '-' .. int(seq), seq, given end
          end
        end
      end
      if limited and not over then
        fits = fits or {}
        fits[#fits + 1] = i - 1
      end
    end
  end
  if full then return { 'full', full, fits or {} } end

  Queue.set('sent', q.sent + Append.write())
  if replaced then
    for _, one in ipairs(replaced) do Rewrite.to(one.token, one.record, one.changed, one.due) end
  end
  if named then
    for _, one in pairs(named) do Deduplication.remember(one, one.id, one.seq) end
  end
  if plain and local_waiters > 0 then reply[3] = hand_over(local_waiters) end
  Waiters.wake(Ready.place())
  reply[2] = Due.tell(ARGV[1])
  reply[#reply + 1] = Queue.level()
  Queue.save()
  return reply
end
