-- Takes messages in, all or none.
-- KEYS 1 queue (see state.lua)
-- ARGV 1 prefix of the channels that wake nodes  2 channel of the node that runs the timers ('': the caller)
--      3 how long deduplication ids are remembered, ms
--      4 the records without their time, each behind its length of 3 bytes  5 how many
--      then for each message, but not when all are plain: delay in ms, hash of its deduplication id or ''
-- Returns {gen, due in ms or -1, seq of the first of plain messages}, they follow each other;
--         {gen, due in ms or -1, seq or (deduplicated) the id of the first one, ...};
--         {'full', 'maxLength' or 'maxBytes'}; {'delay', index, retention in ms} when it would be over before it is due;
--         nil when there is no such queue.
-- Invariant: a deduplication id names one message for as long as it is remembered.
-- @include clock.lua
-- The usual case by itself, as in receive.lua: plain messages, no limit on the queue, nobody to wake.
do
  local gen, seq, live, bytes, sent, mask, due, retention, max_length, max_bytes = unpack(call('HMGET', KEYS[1],
    'gen', 'seq', 'live', 'bytes', 'sent', 'mask', 'due', 'retentionMs', 'maxLength', 'maxBytes'))
  if not gen then return nil end
  local plain = #ARGV == 5 and max_length == '' and max_bytes == ''
  due = tonumber(due)
  if plain and due and due >= now - 1000 and due <= now + retention and call('EXISTS', base .. 'w') == 0 then
    seq, live, bytes, mask = tonumber(seq), tonumber(live), tonumber(bytes), tonumber(mask)
    if live == 0 then call('HSET', KEYS[1], 'low', seq, 'sweep', seq, 'sweepAt', now) end
    local count, tails, from = tonumber(ARGV[5]), ARGV[4], 1
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
    for p, tokens in pairs(lists) do
      call('RPUSH', base .. gen .. ':r:' .. p, unpack(tokens))
      mask = bit.bor(mask, bit.lshift(1, p))
    end
    call('HSET', KEYS[1], 'seq', seq + count, 'live', live + count, 'bytes', bytes, 'sent', sent + count, 'mask', mask)
    return { gen, -1, seq }
  end
end

-- @include append.lua
-- @include wake.lua
open({ 'gen', 'born', 'seq', 'live', 'bytes', 'sent', 'mask', 'due', 'paused', 'retentionMs', 'maxLength', 'maxBytes' })

local count, from, plain = tonumber(ARGV[5]), 1, #ARGV == 5
local reply, kept = { q.gen, -1, q.seq }, {}
local seen = {}
local bytes = 0
for i = 1, count do
  local tail
  tail, from = struct.unpack('>I3c0', ARGV[4], from)
  local delay, dedup = 0, ''
  if not plain then delay, dedup = tonumber(ARGV[4 + 2 * i]), ARGV[5 + 2 * i] end
  local original = dedup ~= '' and (seen[dedup] or call('GET', base .. 'd:' .. q.born .. ':' .. dedup))
  if original then
    reply[2 + i] = original
  else
    if delay >= q.retentionMs then return { 'delay', i - 1, q.retentionMs } end
    local seq = q.seq + #kept
    if dedup ~= '' then seen[dedup] = q.gen .. '-' .. seq end
    if not plain then reply[2 + i] = seq end
    kept[#kept + 1] = { tail, delay }
    bytes = bytes + #tail + 6
  end
end
if q.maxLength and q.live + #kept > q.maxLength and #kept > 0 then return { 'full', 'maxLength' } end
if q.maxBytes and q.bytes + bytes > q.maxBytes and #kept > 0 then return { 'full', 'maxBytes' } end

for _, message in ipairs(kept) do append(message[1], message[2]) end
write_appended()
for dedup, id in pairs(seen) do
  call('SET', base .. 'd:' .. q.born .. ':' .. dedup, id, 'PX', ARGV[3])
end
add('sent', #kept)
wake(fresh, ARGV[1])
reply[2] = tell_due(ARGV[2])
save()
return reply
