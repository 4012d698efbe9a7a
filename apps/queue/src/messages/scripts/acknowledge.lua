-- Ends deliveries for good: their messages are never delivered again.
-- KEYS 1 queue (see state.lua)
-- ARGV 1 prefix of the channels that wake nodes, then for each receipt: gen, token, delivery, size of the record
-- Returns '1' (acked) or '0' (stale) for each, as one string; nil when there is no such queue.
-- Invariant: only the newest delivery counts, and only within its lease.
-- @include clock.lua
-- The usual case by itself, as in receive.lua: no groups, no messages with a TTL of their own.
do
  local gen, live, bytes, acked, mask =
    unpack(call('HMGET', KEYS[1], 'gen', 'live', 'bytes', 'acked', 'mask'))
  if not gen then return nil end
  local count = (#ARGV - 1) / 4
  local plain, tokens = count > 0, {}
  for i = 1, count do
    tokens[i] = ARGV[4 * i - 1]
    plain = plain and tokens[i] % 4 == 0 and ARGV[4 * i - 2] == gen
  end
  if plain then
    local ends = call('ZMSCORE', base .. gen .. ':inFlight', unpack(tokens))
    local tries = call('EXISTS', base .. gen .. ':tries') == 1 and call('HMGET', base .. gen .. ':tries', unpack(tokens)) or {}
    local marks, ended, fields, tried, seen, size = {}, {}, {}, {}, {}, 0
    for i, token in ipairs(tokens) do
      local delivery = tonumber(ARGV[4 * i])
      if ends[i] and tonumber(ends[i]) > now and delivery == (tonumber(tries[i]) or 0) + 1 and not seen[token] then
        seen[token], marks[i] = true, '1'
        ended[#ended + 1] = token
        size = size + ARGV[4 * i + 1]
        local seq = math.floor(token / 64)
        local bucket = math.floor(seq / 4096)
        local gone = fields[bucket]
        if not gone then
          gone = {}
          fields[bucket] = gone
        end
        gone[#gone + 1] = seq - bucket * 4096
        if delivery > 1 then tried[#tried + 1] = token end
      else
        marks[i] = '0'
      end
    end
    if #ended > 0 then
      call('ZREM', base .. gen .. ':inFlight', unpack(ended))
      for bucket, gone in pairs(fields) do call('HDEL', base .. gen .. ':b:' .. bucket, unpack(gone)) end
      if #tried > 0 then
        call('HDEL', base .. gen .. ':tries', unpack(tried))
        call('HDEL', base .. gen .. ':history', unpack(tried))
      end
      live, mask = live - #ended, tonumber(mask)
      if live == 0 and mask ~= 0 then
        for p = 0, 9 do
          if bit.band(mask, bit.lshift(1, p)) ~= 0 then call('UNLINK', base .. gen .. ':r:' .. p) end
        end
        mask = 0
      end
      call('HSET', KEYS[1], 'live', live, 'bytes', bytes - size, 'acked', acked + #ended, 'mask', mask)
    end
    return table.concat(marks)
  end
end

-- @include receipts.lua
-- @include fail.lua
-- @include wake.lua
open({ 'gen', 'live', 'bytes', 'acked', 'mask', 'paused' })
local valid = judge(2, 4)

local ended, fields, tried = {}, {}, {}
local bytes = 0
for i, token in pairs(valid) do
  ended[#ended + 1] = token
  bytes = bytes + tonumber(ARGV[2 + (i - 1) * 4 + 3])
  if has_group(token) then
    local group = group_of(record_of(token), token)
    call('ZREM', key('groups'), group_member(group, token))
    leave_flight(group, 1)
  end
  local bucket = bucket_of(token)
  fields[bucket] = fields[bucket] or {}
  table.insert(fields[bucket], field_of(token))
  if ARGV[2 + (i - 1) * 4 + 2] ~= '1' then tried[#tried + 1] = token end
end
if #ended > 0 then
  call('ZREM', key('inFlight'), unpack(ended))
  for bucket, gone in pairs(fields) do call('HDEL', bucket, unpack(gone)) end
  if #tried > 0 then
    call('HDEL', key('tries'), unpack(tried))
    call('HDEL', key('history'), unpack(tried))
  end
  add('live', -#ended)
  add('acked', #ended)
  add('bytes', -bytes)
  place_stirred()
  wake(fresh, ARGV[1])
  save()
end
return verdict(valid, (#ARGV - 1) / 4)
