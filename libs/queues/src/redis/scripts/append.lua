-- Adds messages to the end of the queue, many in few commands.
-- @include due.lua
-- @include ready.lua
local records, delayed, expiring, members = {}, {}, {}, {}

-- Buckets are written one after the other, at most 1,000 messages a command.
local function write_records()
  if records.bucket then call('HSET', records.bucket, unpack(records)) end
  records = {}
end

-- `tail`: a record without its time. Returns seq.
local function append(tail, delay)
  local seq = q.seq
  if q.live == 0 then
    set('low', seq)
    set('sweep', seq)
    set('sweepAt', now)
    announce(now + q.retentionMs)
  end
  set('seq', seq + 1)
  add('live', 1)

  local record = struct.pack('>I6', now) .. tail
  add('bytes', #record)
  local flags = string.byte(tail, 1)
  local grouped, mortal = bit.band(flags, 16) ~= 0, bit.band(flags, 32) ~= 0
  local p = flags % 16
  local token = seq * TOKEN + p * 4 + (grouped and 2 or 0) + (mortal and 1 or 0)

  local bucket = bucket_of(token)
  if records.bucket ~= bucket then
    write_records()
    records.bucket = bucket
  end
  records[#records + 1] = field_of(token)
  records[#records + 1] = record

  if mortal then
    local ends = now + ttl_of(record)
    expiring[#expiring + 1] = ends
    expiring[#expiring + 1] = token
    announce(ends)
  end
  if grouped then
    local group = group_of(record, token)
    members[#members + 1] = 0
    members[#members + 1] = group_member(group, token)
    stirred[group] = true
  end
  if delay > 0 then
    delayed[#delayed + 1] = now + delay
    delayed[#delayed + 1] = delayed_member(token)
    announce(now + delay)
  elseif not grouped then
    arrive(token)
  end
  return seq
end

local function write_set(part, values)
  if #values > 0 then call('ZADD', key(part), unpack(values)) end
end

local function write_appended()
  write_records()
  write_set('delayed', delayed)
  write_set('expiring', expiring)
  write_set('groups', members)
  place_stirred()
end
