-- A record is what is kept of a message: 6 bytes enqueued at (ms), 1 byte flags (low nibble: priority; 16 group, 32 TTL,
-- 64 extra, 128 rescheduled), [6 bytes TTL], [2 bytes length, group], [3 bytes length, extra], 3 bytes length, headers, body. It changes only when it is
-- rescheduled or replaced: from then on the message stands in no list, and what a list may still have of it is void.
-- Leaves: Record: bucket(seq), bucket_number(seq) and field(seq), where it lies; of(token), of_all(tokens), in their order, false for those that
--         are gone; neighbours(tokens, first), see there; enqueued_at(record), flags(record), ttl(record), group(record, token), extra(record) or nil; with_extra(tail, extra), of a
--         record without its time that has none; is_rescheduled(record); reschedule(record, priority) and replace(record, tail), which return
--         the new one.
-- @include @redis/clock.lua
-- @include parts/queue.lua
-- @include parts/token.lua
-- @include @redis/integer.lua
local Record = {}
-- Messages of one hash.
Record.PER_BUCKET = 4096

function Record.field(seq) return int(seq % Record.PER_BUCKET) end

function Record.bucket_number(seq) return (seq - seq % Record.PER_BUCKET) / Record.PER_BUCKET end

-- The key that was made last, and of what: most calls need it again.
local bucket_key, number_of_bucket, buckets_of_queue

function Record.bucket(seq)
  local number, buckets = Record.bucket_number(seq), Queue.key('b:')
  if number ~= number_of_bucket or buckets ~= buckets_of_queue then
    bucket_key, number_of_bucket, buckets_of_queue = buckets .. number, number, buckets
  end
  return bucket_key
end

function Record.of(token)
  local seq = Token.seq(token)
  return redis.call('HGET', Record.bucket(seq), Record.field(seq))
end

-- Neighbours share a bucket and a command. Returns their fields, the index of the last one, the seq of the first, and their numbers in the bucket.
function Record.neighbours(tokens, first)
  local seq = Token.seq(tokens[first])
  local number = seq % Record.PER_BUCKET
  local fields, numbers, count, low = { int(number) }, { number }, 1, seq - number
  for i = first + 1, #tokens do
    number = Token.seq(tokens[i]) - low
    if number < 0 or number >= Record.PER_BUCKET then break end
    count = count + 1
    fields[count], numbers[count] = int(number), number
  end
  return fields, first + count - 1, seq, numbers
end

function Record.of_all(tokens)
  local records, first, count = {}, 1, #tokens
  while first <= count do
    local fields, last, seq = Record.neighbours(tokens, first)
    local found = redis.call('HMGET', Record.bucket(seq), unpack(fields))
    if #fields == count then return found end
    for i = first, last do records[i] = found[i - first + 1] end
    first = last + 1
  end
  return records
end

function Record.enqueued_at(record) return (struct.unpack('>I6', record)) end

function Record.flags(record) return string.byte(record, 7) end

function Record.ttl(record) return (struct.unpack('>I6', record, 8)) end

function Record.group(record, token) return (struct.unpack('>I2c0', record, Token.has_ttl(token) and 14 or 8)) end

function Record.is_rescheduled(record) return Record.flags(record) >= 128 end

function Record.reschedule(record, priority)
  local flags = Record.flags(record)
  flags = bit.bor(flags - flags % 16 + priority, 128)
  return string.sub(record, 1, 6) .. string.char(flags) .. string.sub(record, 8)
end

-- It gets another content and keeps when it was sent; its TTL counts from now.
function Record.replace(record, tail)
  local flags, at = bit.bor(string.byte(tail), 128), 2
  local changed = string.sub(record, 1, 6) .. string.char(flags)
  if bit.band(flags, 32) ~= 0 then
    changed = changed .. struct.pack('>I6', struct.unpack('>I6', tail, 2) + now - Record.enqueued_at(record))
    at = 8
  end
  return changed .. string.sub(tail, at)
end

function Record.extra(record)
  local flags, at = Record.flags(record), 8
  if bit.band(flags, 64) == 0 then return nil end
  if bit.band(flags, 32) ~= 0 then at = at + 6 end
  if bit.band(flags, 16) ~= 0 then at = at + 2 + struct.unpack('>I2', record, at) end
  return cjson.decode((struct.unpack('>I3c0', record, at)))
end

function Record.with_extra(tail, extra)
  local flags, at = string.byte(tail), 2
  if bit.band(flags, 32) ~= 0 then at = at + 6 end
  if bit.band(flags, 16) ~= 0 then at = at + 2 + struct.unpack('>I2', tail, at) end
  return string.char(flags + 64) .. string.sub(tail, 2, at - 1) .. struct.pack('>I3', #extra) .. extra .. string.sub(tail, at)
end
