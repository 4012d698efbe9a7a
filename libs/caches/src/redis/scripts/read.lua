-- Reading an entry for a node that may hold it.
-- @include coherence.lua
local DEFAULT_NEAR_BYTES = 67108864
-- One entry takes at most this part of a near cache.
local LARGEST_SHARE = 0.01

-- Returns {alive, cacheable, bytes of the near cache, version, bytes, content type, age, time to live, time to live while
-- stale, expires at, tags}, times in ms, -1: for ever; version '' and nothing after it when there is no such entry, and
-- its size alone after it when it is larger than the reader wants to be told (`most`). The reader is put among the
-- sharers before it is told the value. A full Redis cannot remember more of them: then nothing is cacheable.
-- `room`: bytes that the reader has for this cache; `absences`: '1' when it may hold that there is no entry.
local function read(key, entry, incarnation, fill, room, absences, most)
  local alive = incarnation ~= '' and redis.call('HEXISTS', alive_key, incarnation) == 1
  local near = tonumber(state.near) or DEFAULT_NEAR_BYTES
  local size = entry and redis.call('HSTRLEN', stem .. ':e:' .. key, 'b') or 0
  if entry and most and size > most then return { alive and 1 or 0, 0, near, '', size } end
  local largest = math.min(tonumber(room), near) * LARGEST_SHARE

  local cacheable = alive and near > 0 and size <= largest and (entry or absences == '1')
  if cacheable then
    local registers = { 'k' .. key }
    if entry then
      for tag in string.gmatch(entry.tags, '[^,]+') do registers[#registers + 1] = 't' .. tag end
      cacheable = redis.call('EXISTS', scope() .. ':wide') == 0
    end
    for _, register in ipairs(registers) do
      cacheable = cacheable and redis.call('HEXISTS', c_key(register), 'round') == 0
    end
    if entry then registers[#registers + 1] = '@' end
    for _, register in ipairs(registers) do
      cacheable = cacheable and share(register, incarnation, fill, entry and SHARERS_TTL_MS or ABSENT_TTL_MS)
    end
  end

  local head = { alive and 1 or 0, cacheable and 1 or 0, near }
  if not entry then return { head[1], head[2], near, '' } end
  return {
    head[1], head[2], near, entry.version, entry_bytes(key), entry.content_type, now - entry.written,
    entry.expires == 0 and -1 or entry.expires - now,
    entry.stale_until == 0 and -1 or entry.stale_until - now,
    tostring(entry.expires), entry.tags,
  }
end
