#!lua
-- Takes messages in: all that can ever be, or none.
-- KEYS 1 queue (see state.lua)
-- ARGV 1 prefix of the channels that wake nodes  2 channel of the node that runs the timers ('': the caller)
--      3 how long deduplication ids are remembered, ms
--      4 the records without their time, each behind its length of 3 bytes  5 how many
--      6 number of receivers that the caller vouches for, then of each: waiter, most messages, visibility timeout in ms
--      ('': the queue's); they are parked at its node, whose callers are on the line
--      then for each message, but not when all are plain: delay in ms, hash of its deduplication id or ''
-- Returns {gen, due in ms or -1, handed, seq of the first of plain messages}, they follow each other;
--         {gen, due in ms or -1, handed, then for each message: seq; id of the first one when it is a duplicate; or less than
--         0, minus the retention in ms, when it was not taken because it would be over before it is due};
--         handed is empty, or {secret, now, then of each receiver served: its index from 0, visible until, {token, ...}};
--         {'full', 'maxLength' or 'maxBytes', {index from 0 of each message that is not over it, were they sent one after
--         the other}}; nil when there is no such queue.
-- Invariants: a deduplication id names one message for as long as it is remembered; being vouched for changes no turn.
-- @include clock.lua
-- The usual case by itself, as in receive.lua: plain messages, no limit on the queue, nobody to wake.
do
  local gen, seq, live, bytes, sent, mask, due, retention, max_length, max_bytes, secret, visibility, paused, rate =
    unpack(call('HMGET', KEYS[1], 'gen', 'seq', 'live', 'bytes', 'sent', 'mask', 'due', 'retentionMs', 'maxLength',
      'maxBytes', 'secret', 'visibilityTimeoutMs', 'paused', 'rateMax'))
  if not gen then return nil end
  local count = tonumber(ARGV[5])
  local plain = #ARGV == 6 + 3 * ARGV[6] and max_length == '' and max_bytes == ''
  due = tonumber(due)
  plain = plain and due and due >= now - 1000 and due <= now + retention
  local parked = plain and call('EXISTS', base .. 'w') == 1
  local takers, room = {}, 0
  -- Those at the head of the line get what they would come for, if they are vouched for, these messages are all that
  -- is ready, and nobody behind them is left to be woken.
  if parked and ARGV[6] ~= '0' and mask == '0' and paused == '0' and (rate or '') == '' and due > now
    and call('EXISTS', base .. gen .. ':ranked') == 0 then
    local vouched = {}
    for i = 0, ARGV[6] - 1 do vouched[ARGV[7 + 3 * i]] = i end
    local line = call('ZRANGE', base .. 'w', 0, ARGV[6])
    for _, waiter in ipairs(line) do
      local i = vouched[waiter]
      local ends = i and now + (tonumber(ARGV[9 + 3 * i]) or tonumber(visibility))
      if not i or ends < due or room >= count then break end
      local max = tonumber(ARGV[8 + 3 * i])
      takers[#takers + 1] = {
        index = i, waiter = waiter, max = max, ends = ends, ends_text = string.format('%.0f', ends), tokens = {},
      }
      room = room + max
    end
    parked = room < count and #takers < #line
  end
  if plain and not parked then
    seq, live, bytes, mask = tonumber(seq), tonumber(live), tonumber(bytes), tonumber(mask)
    if live == 0 then call('HSET', KEYS[1], 'low', seq, 'sweep', seq, 'sweepAt', now) end
    local tails, from = ARGV[4], 1
    local records, lists, bucket, field = {}, {}, math.floor(seq / 4096), seq % 4096
    local sent_at = struct.pack('>I6', now)
    for at = seq, seq + count - 1 do
      if field == 4096 then
        call('HSET', base .. gen .. ':b:' .. bucket, unpack(records))
        records, bucket, field = {}, bucket + 1, 0
      end
      local tail
      tail, from = struct.unpack('>I3c0', tails, from)
      local p, n = string.byte(tail, 1), #records
      records[n + 1], records[n + 2] = field, sent_at .. tail
      field = field + 1
      local list = lists[p]
      if not list then
        list = {}
        lists[p] = list
      end
      list[#list + 1] = at * 64 + p * 4
    end
    bytes = bytes + #tails + 3 * count
    call('HSET', base .. gen .. ':b:' .. bucket, unpack(records))
    -- The last lease first, as in receive.lua.
    local handed, leases, at, turn = {}, {}, 2 * math.min(room, count), 1
    local taker = takers[turn]
    for p = 9, 0, -1 do
      local tokens, first = lists[p], 1
      if tokens then
        while taker and tokens[first] do
          local got = taker.tokens
          got[#got + 1] = tokens[first]
          leases[at - 1], leases[at] = taker.ends_text, tokens[first]
          first, at = first + 1, at - 2
          if #got == taker.max then
            turn = turn + 1
            taker = takers[turn]
          end
        end
        if tokens[first] then
          call('RPUSH', base .. gen .. ':r:' .. p, unpack(tokens, first))
          mask = bit.bor(mask, bit.lshift(1, p))
        end
      end
    end
    if #takers > 0 then
      call('ZADD', base .. gen .. ':inFlight', unpack(leases))
      handed = { secret, now }
      for i, taker in ipairs(takers) do
        call('ZREM', base .. 'w', taker.waiter)
        handed[3 * i], handed[3 * i + 1], handed[3 * i + 2] = taker.index, taker.ends, taker.tokens
      end
      if call('EXISTS', base .. 'w') == 0 then call('DEL', base .. 'wn') end
    end
    call('HSET', KEYS[1], 'seq', seq + count, 'live', live + count, 'bytes', bytes, 'sent', sent + count, 'mask', mask)
    return { gen, -1, handed, seq }
  end
end

-- @include append.lua
-- @include wake.lua
open({ 'gen', 'seq', 'live', 'bytes', 'sent', 'mask', 'due', 'paused', 'retentionMs', 'maxLength', 'maxBytes' })

local count, from, options = tonumber(ARGV[5]), 1, 6 + 3 * ARGV[6]
local plain = #ARGV == options
local reply, kept = { q.gen, -1, {}, q.seq }, {}
local seen = {}
local bytes = 0
-- Why not all fit, and which of them would, were they sent one after the other.
local full, fits = nil, {}
for i = 1, count do
  local tail
  tail, from = struct.unpack('>I3c0', ARGV[4], from)
  local delay, dedup = 0, ''
  if not plain then delay, dedup = tonumber(ARGV[options - 1 + 2 * i]), ARGV[options + 2 * i] end
  local original = dedup ~= '' and (seen[dedup] or call('GET', key('d:' .. dedup)))
  local over = not original
    and (q.maxLength and q.live + #kept >= q.maxLength and 'maxLength'
      or q.maxBytes and q.bytes + bytes + #tail + 6 > q.maxBytes and 'maxBytes')
  if original then
    reply[3 + i] = original
  elseif delay >= q.retentionMs then
    reply[3 + i], over = -q.retentionMs, nil
  elseif over then
    full = full or over
  else
    local seq = q.seq + #kept
    if dedup ~= '' then seen[dedup] = q.gen .. '-' .. seq end
    if not plain then reply[3 + i] = seq end
    kept[#kept + 1] = { tail, delay }
    bytes = bytes + #tail + 6
  end
  if not over then fits[#fits + 1] = i - 1 end
end
if full then return { 'full', full, fits } end

for _, message in ipairs(kept) do append(message[1], message[2]) end
write_appended()
for dedup, id in pairs(seen) do
  call('SET', key('d:' .. dedup), id, 'PX', ARGV[3])
end
add('sent', #kept)
wake(fresh, ARGV[1])
reply[2] = tell_due(ARGV[2])
save()
return reply
