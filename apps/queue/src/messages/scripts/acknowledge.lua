-- Ends deliveries for good: their messages are never delivered again.
-- KEYS 1 queue (see state.lua)
-- ARGV 1 prefix of the channels that wake nodes, then for each receipt: gen, token, delivery, size of the record
-- Returns '1' (acked) or '0' (stale) for each, as one string; nil when there is no such queue.
-- Invariant: only the newest delivery counts, and only within its lease.
-- @include receipts.lua
-- @include fail.lua
-- @include wake.lua
if not open() then return nil end
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
