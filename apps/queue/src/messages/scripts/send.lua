-- Takes messages in, all or none.
-- KEYS 1 queue (see state.lua)
-- ARGV 1 prefix of the channels that wake nodes  2 channel of the node that runs the timers ('': the caller)
--      3 how long deduplication ids are remembered, ms
--      then for each message: its record without the time, delay in ms, hash of its deduplication id or ''
-- Returns {gen, due in ms or -1, seq or (deduplicated) the id of the first one, ...};
--         {'full', 'maxLength' or 'maxBytes'}; {'delay', index, retention in ms} when it would be over before it is due;
--         nil when there is no such queue.
-- Invariant: a deduplication id names one message for as long as it is remembered.
-- @include clock.lua
-- The usual case by itself, as in receive.lua: plain messages, no limit on the queue, nobody to wake.
do
  local gen, seq, live, bytes, sent, mask, due, retention, max_length, max_bytes = unpack(call('HMGET', KEYS[1],
    'gen', 'seq', 'live', 'bytes', 'sent', 'mask', 'due', 'retentionMs', 'maxLength', 'maxBytes'))
  if not gen then return nil end
  local plain = max_length == '' and max_bytes == ''
  for i = 4, #ARGV, 3 do
    plain = plain and string.byte(ARGV[i], 1) < 16 and ARGV[i + 1] == '0' and ARGV[i + 2] == ''
  end
  due = tonumber(due)
  if plain and due and due >= now - 1000 and due <= now + retention and call('EXISTS', base .. 'w') == 0 then
    seq, live, bytes, mask = tonumber(seq), tonumber(live), tonumber(bytes), tonumber(mask)
    if live == 0 then call('HSET', KEYS[1], 'low', seq, 'sweep', seq, 'sweepAt', now) end
    local count = (#ARGV - 3) / 3
    local reply, records, lists, bucket = { gen, -1 }, {}, {}, math.floor(seq / 4096)
    local sent_at = struct.pack('>I6', now)
    for i = 1, count do
      local tail, at = ARGV[1 + 3 * i], seq + i - 1
      if math.floor(at / 4096) ~= bucket then
        call('HSET', base .. gen .. ':b:' .. bucket, unpack(records))
        records, bucket = {}, math.floor(at / 4096)
      end
      local record, p = sent_at .. tail, string.byte(tail, 1)
      records[#records + 1] = at % 4096
      records[#records + 1] = record
      bytes = bytes + #record
      lists[p] = lists[p] or {}
      table.insert(lists[p], at * 64 + p * 4)
      reply[i + 2] = at
    end
    call('HSET', base .. gen .. ':b:' .. bucket, unpack(records))
    for p, tokens in pairs(lists) do
      call('RPUSH', base .. gen .. ':r:' .. p, unpack(tokens))
      mask = bit.bor(mask, bit.lshift(1, p))
    end
    call('HSET', KEYS[1], 'seq', seq + count, 'live', live + count, 'bytes', bytes, 'sent', sent + count, 'mask', mask)
    return reply
  end
end

-- @include append.lua
-- @include wake.lua
open({ 'gen', 'born', 'seq', 'live', 'bytes', 'sent', 'mask', 'due', 'paused', 'retentionMs', 'maxLength', 'maxBytes' })

local FIRST = 4
local reply, kept = { q.gen, -1 }, {}
local seen = {}
local bytes = 0
for i = FIRST, #ARGV, 3 do
  local index = (i - FIRST) / 3
  local dedup = ARGV[i + 2]
  local original = dedup ~= '' and (seen[dedup] or call('GET', base .. 'd:' .. q.born .. ':' .. dedup))
  if original then
    reply[index + 3] = original
  else
    if tonumber(ARGV[i + 1]) >= q.retentionMs then return { 'delay', index, q.retentionMs } end
    local seq = q.seq + #kept
    if dedup ~= '' then seen[dedup] = q.gen .. '-' .. seq end
    reply[index + 3] = seq
    kept[#kept + 1] = i
    bytes = bytes + #ARGV[i] + 6
  end
end
if q.maxLength and q.live + #kept > q.maxLength and #kept > 0 then return { 'full', 'maxLength' } end
if q.maxBytes and q.bytes + bytes > q.maxBytes and #kept > 0 then return { 'full', 'maxBytes' } end

for _, i in ipairs(kept) do append(ARGV[i], tonumber(ARGV[i + 1])) end
write_appended()
for dedup, id in pairs(seen) do
  call('SET', base .. 'd:' .. q.born .. ':' .. dedup, id, 'PX', ARGV[3])
end
add('sent', #kept)
wake(fresh, ARGV[1])
reply[2] = tell_due(ARGV[2])
save()
return reply
