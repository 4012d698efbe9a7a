-- Reading an entry for a node that may hold it.
-- Leaves: Reading.find(key, most): the entry with its bytes, nil when there is none; or nil and its size when it is larger than
--         the reader takes, most bytes, '' for any
--         Reading.share(key, entry, incarnation, fill, room, absences): puts a living reader among the sharers, and is true when
--         it may hold what it is told. `room`: bytes that it has for this cache; `absences`: it may hold that there is no entry
--         Reading.reply(entry, is_alive, is_cacheable): {alive, cacheable, bytes of the near cache, version, bytes, content type,
--         age, time to live, time to live while stale, expires at, tags}, times in ms, -1: for ever; version '' and nothing after
--         it when there is no such entry
--         Reading.reply(nil, is_alive, false, size), of an entry that is too large: version '' and its size
-- @include parts/entry.lua
-- @include parts/register.lua
local Reading = {}
local DEFAULT_NEAR_BYTES = 67108864
-- One entry takes at most this part of a near cache.
local LARGEST_SHARE = 0.01

local function near_bytes()
  return Cache.near_bytes == '' and DEFAULT_NEAR_BYTES or Cache.near_bytes + 0
end

function Reading.find(key, most)
  if most == '' then return Entry.find(key, true), nil end
  local entry = Entry.find(key)
  if not entry then return nil, nil end
  if entry.length > most + 0 then return nil, entry.length end
  entry.bytes = Entry.bytes(key, entry)
  return entry, nil
end

function Reading.share(key, entry, incarnation, fill, room, absences)
  local near = near_bytes()
  if near <= 0 then return false end
  if not entry then return absences == '1' and Register.share({ 'k' .. key }, incarnation, fill, false) end
  if #entry.bytes > math.min(room, near) * LARGEST_SHARE then return false end
  local registers = { 'k' .. key }
  if entry.tags ~= '' then
    for tag in string.gmatch(entry.tags, '[^,]+') do registers[#registers + 1] = 't' .. tag end
  end
  return Register.share(registers, incarnation, fill, true)
end

function Reading.reply(entry, is_alive, is_cacheable, size)
  local alive, cacheable, near = is_alive and 1 or 0, is_cacheable and 1 or 0, near_bytes()
  if not entry then return { alive, cacheable, near, '', size } end
  return {
    alive, cacheable, near, entry.version, entry.bytes, entry.content_type, now - entry.written,
    entry.expires == 0 and -1 or entry.expires - now,
    entry.stale_until == 0 and -1 or entry.stale_until - now,
    int(entry.expires), entry.tags,
  }
end
