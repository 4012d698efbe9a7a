#!lua flags=allow-oom
-- Ends deliveries for good: their messages are never delivered again.
-- KEYS 1 queue (see state.lua)
-- ARGV 1 prefix of the channels that wake nodes, then for each receipt: gen, token, delivery, size of the record
-- Returns '1' (acked) or '0' (stale) for each, as one string; nil when there is no such queue.
-- Invariants: only the newest delivery counts, and only within its lease; once acked, a receipt answers so for 5 minutes.
-- @include clock.lua
-- A bit a message tells that this delivery of it was acked: in bitmaps by bucket, and by the 5 minutes in which it was.
local REMEMBERED_MS = 300000
local span = math.floor(now / REMEMBERED_MS)
-- The usual case by itself, as in receive.lua: first deliveries, all of them valid; no groups, no messages with a TTL of
-- their own.
do
  local gen, live, bytes, acked, mask, remembering =
    unpack(call('HMGET', KEYS[1], 'gen', 'live', 'bytes', 'acked', 'mask', 'remembering'))
  if not gen then return nil end
  local count = (#ARGV - 1) / 4
  local usual, tokens = count > 0, {}
  for i = 1, count do
    tokens[i] = ARGV[4 * i - 1]
    usual = usual and tokens[i] % 4 == 0 and ARGV[4 * i] == '1' and ARGV[4 * i - 2] == gen
  end
  if usual then
    local ends = call('ZMSCORE', base .. gen .. ':inFlight', unpack(tokens))
    local tries = call('EXISTS', base .. gen .. ':tries') == 1 and call('HMGET', base .. gen .. ':tries', unpack(tokens)) or {}
    local fields, seen, size = {}, {}, 0
    for i, token in ipairs(tokens) do
      usual = usual and ends[i] and tonumber(ends[i]) > now and not tries[i] and not seen[token]
      if not usual then break end
      seen[token] = true
      size = size + ARGV[4 * i + 1]
      local seq = math.floor(token / 64)
      local bucket = math.floor(seq / 4096)
      local gone = fields[bucket]
      if not gone then
        gone = {}
        fields[bucket] = gone
      end
      gone[#gone + 1] = seq - bucket * 4096
    end
    if usual then
      call('ZREM', base .. gen .. ':inFlight', unpack(tokens))
      for bucket, gone in pairs(fields) do
        call('HDEL', base .. gen .. ':b:' .. bucket, unpack(gone))
        local part = ':acked:1:' .. bucket .. ':' .. span
        if count == 1 then
          call('SETBIT', base .. gen .. part, gone[1], 1)
        else
          local bits = {}
          for i, field in ipairs(gone) do
            bits[4 * i - 3], bits[4 * i - 2], bits[4 * i - 1], bits[4 * i] = 'SET', 'u1', field, 1
          end
          call('BITFIELD', base .. gen .. part, unpack(bits))
        end
        if part ~= remembering then
          remembering = part
          call('PEXPIRE', base .. gen .. part, 2 * REMEMBERED_MS)
          call('HSET', KEYS[1], 'remembering', part)
        end
      end
      live, mask = live - count, tonumber(mask)
      if live == 0 and mask ~= 0 then
        for p = 0, 9 do
          if bit.band(mask, bit.lshift(1, p)) ~= 0 then call('UNLINK', base .. gen .. ':r:' .. p) end
        end
        mask = 0
      end
      call('HSET', KEYS[1], 'live', live, 'bytes', bytes - size, 'acked', acked + count, 'mask', mask)
      return string.rep('1', count)
    end
  end
end

-- @include receipts.lua
-- @include fail.lua
-- @include wake.lua
local function acked_key(gen, delivery, token, at)
  return string.format('%s%s:acked:%s:%.0f:%.0f', base, gen, delivery, math.floor(seq_of(token) / BUCKET), at)
end

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
  local delivery = ARGV[2 + (i - 1) * 4 + 2]
  if delivery ~= '1' then tried[#tried + 1] = token end
  local acked = acked_key(q.gen, delivery, token, span)
  call('SETBIT', acked, field_of(token), 1)
  call('PEXPIRE', acked, 2 * REMEMBERED_MS)
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

for i = 1, (#ARGV - 1) / 4 do
  local gen, token, delivery = ARGV[4 * i - 2], tonumber(ARGV[4 * i - 1]), ARGV[4 * i]
  for at = span - 1, span do
    valid[i] = valid[i] or call('GETBIT', acked_key(gen, delivery, token, at), field_of(token)) == 1 and token or nil
  end
end
return verdict(valid, (#ARGV - 1) / 4)
