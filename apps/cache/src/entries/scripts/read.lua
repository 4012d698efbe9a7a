-- Reading an entry for a node that may hold it.
-- @include coherence.lua

-- Returns {alive, cacheable, version, bytes, content type, age, time to live, time to live while stale, expires at, tags},
-- times in ms, -1: for ever; version '' and nothing after it when there is no such entry, and its size alone after it
-- when it is larger than the reader wants to be told. The reader is put among the sharers before it is told the value.
local function read(key, entry, incarnation, fill, largest, most)
  local alive = incarnation ~= '' and redis.call('HEXISTS', alive_key, incarnation) == 1
  if entry and most then
    local size = redis.call('HSTRLEN', stem .. ':e:' .. key, 'b')
    if size > most then return { alive and 1 or 0, 0, '', size } end
  end
  local bytes = entry and entry_bytes(key) or ''
  local registers = { 'k' .. key }
  if entry then
    for tag in string.gmatch(entry.tags, '[^,]+') do registers[#registers + 1] = 't' .. tag end
  end

  local cacheable = alive and #bytes <= tonumber(largest) and redis.call('HEXISTS', c_key('*'), 'round') == 0
  for _, register in ipairs(registers) do
    cacheable = cacheable and redis.call('HEXISTS', c_key(register), 'round') == 0
  end
  if cacheable then
    for _, register in ipairs(registers) do
      local at, field = c_key(register), 's' .. incarnation
      local known = redis.call('HGET', at, field)
      -- Fills may arrive out of order: the largest number is the one that counts.
      if not known or tonumber(known) < tonumber(fill) then redis.call('HSET', at, field, fill) end
      redis.call('PEXPIRE', at, SHARERS_TTL_MS)
    end
  end

  local flags = { alive and 1 or 0, cacheable and 1 or 0 }
  if not entry then return { flags[1], flags[2], '' } end
  return {
    flags[1], flags[2], entry.version, bytes, entry.content_type, now - entry.written,
    entry.expires == 0 and -1 or entry.expires - now,
    entry.stale_until == 0 and -1 or entry.stale_until - now,
    tostring(entry.expires), entry.tags,
  }
end
