#!lua
-- Takes messages in: all that can ever be, or none.
-- KEYS 1 queue (see parts/queue.lua)
-- ARGV 1 node that runs the timers ('': the caller)
--      2 the records without their time, each behind its length of 3 bytes  3 how many
--      4 largest message that the caller let pass, in bytes ('': the usual limit)
--      5 number of local waiters: receivers that are parked on the caller, whose clients are connected;
--      then of each: waiter, most messages, visibility timeout in ms ('': the queue's);
--      then for each message, but not when all are plain: delay in ms, hash of its deduplication id or ''
-- Returns {gen, due in ms or -1, handed, seq of the first of plain messages}, they follow each other;
--         {gen, due in ms or -1, handed, then for each message: seq; id of the first one when it is a duplicate; or less than
--         0, minus the retention in ms, when it was not taken because it would be over before it is due};
--         handed is empty, or {secret, now, then of each waiter served: its index from 0, visible until, {token, ...}};
--         the level of the queue follows, unless it is 'local';
--         {'limit', the largest message that the queue takes, 0: the usual limit} when it is another one than the caller thought;
--         {'full', 'maxLength' or 'maxBytes', {index from 0 of each message that is not over it, were they sent one after
--         the other}}; nil when there is no such queue.
-- Invariants: a deduplication id names one message for as long as it is remembered; nobody in the line is overtaken; nothing is
--             sent in a Redis instance that is not open.
-- @include parts/append.lua
-- @include parts/flight.lua
-- @include parts/instance.lua
-- @include parts/marks.lua
-- @include parts/waiters.lua
local FIELDS = { texts = 3, 'gen', 'instance', 'durability', 'seq', 'live', 'bytes', 'sent', 'mask', 'marks', 'maxLength', 'maxBytes' }
local FIRST_WAITER, NOTHING_HANDED = 6, {}

-- Those at the head of the line get at once what they would come for, as long as they are local, and these messages are all
-- that is ready. Not where an answer has to be safe before it is told: then a receiver asks for itself.
local function hand_over(count)
  local handed, waiters = {}, Waiters.first(count)
  if #waiters == 0 or q.mask ~= 0 or Queue.level() or Ready.first_ranked() then return handed end
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
  -- Ids by the hashes of their deduplication ids; why not all fit, and which would, were they sent one after the other.
  local ids, full, fits
  for i = 1, count do
    local tail
    tail, from = unpack_tail('>I3c0', tails, from)
    if plain and not limited then
      add(tail, 0)
    else
      local delay, dedup, original, over = 0, nil, nil, nil
      if not plain then
        delay, dedup = ARGV[options + 2 * i - 2] + 0, ARGV[options + 2 * i - 1]
        if dedup ~= '' then
          ids = ids or {}
          original = ids[dedup] or redis.call('GET', Queue.key('d:') .. dedup)
        end
      end
      if original then
        reply[3 + i] = original
      elseif delay > 0 and delay >= Queue.get('retentionMs') then
        reply[3 + i] = -q.retentionMs
      else
        if limited then
          over = q.maxLength and q.live + Append.added() >= q.maxLength and 'maxLength'
            or q.maxBytes and q.bytes + (Queue.get('kept') or 0) + Append.bytes() + #tail + 6 > q.maxBytes and 'maxBytes'
        end
        if over then
          full = full or over
        else
          local seq = add(tail, delay)
          if not plain then
            reply[3 + i] = seq
            if dedup ~= '' then ids[dedup] = q.gen .. '-' .. int(seq) end
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
  if ids then
    local window = Queue.get('deduplicationWindowMs')
    for dedup, id in pairs(ids) do redis.call('SET', Queue.key('d:') .. dedup, id, 'PX', window) end
  end
  if plain and local_waiters > 0 then reply[3] = hand_over(local_waiters) end
  Waiters.wake(Ready.place())
  reply[2] = Due.tell(ARGV[1])
  reply[#reply + 1] = Queue.level()
  Queue.save()
  return reply
end
