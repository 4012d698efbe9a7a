-- Invalidations of many entries at once: an entry is valid while its version is newer than each mark that covers it.
--   <stem>:tag-marks     zset  tag -> version of its last invalidation
--   <stem>:prefix-marks  zset  prefix -> version of its last invalidation
--   <stem>:lengths       hash  length -> number of prefixes with a mark that are so long
--   <stem>:sweeping      hash  cursor, upto, swept, forgotten: see sweep.lua
-- Leaves: Marks.tags(), Marks.prefixes(), Marks.sweeping(), the keys; Marks.newest(key, tags), the newest version that covers an entry;
--         Marks.tag(tag), Marks.prefix(prefix), invalidate; Marks.forgotten(): the newest mark that was forgotten
-- @include parts/cache.lua
local Marks = {}

function Marks.tags()
  return Cache.stem .. ':tag-marks'
end

function Marks.prefixes()
  return Cache.stem .. ':prefix-marks'
end

function Marks.sweeping()
  return Cache.stem .. ':sweeping'
end

function Marks.forgotten()
  return (redis.call('HGET', Marks.sweeping(), 'forgotten') or 0) + 0
end

local function newest_of(versions, newest)
  for i = 1, #versions do
    if versions[i] then newest = math.max(newest, versions[i]) end
  end
  return newest
end

function Marks.newest(key, tags)
  local newest = Cache.flushed
  if Cache.prefix_lengths ~= '' then
    local prefixes = {}
    for length in string.gmatch(Cache.prefix_lengths, '%d+') do
      if #key >= length + 0 then prefixes[#prefixes + 1] = string.sub(key, 1, length) end
    end
    if #prefixes > 0 then newest = newest_of(redis.call('ZMSCORE', Marks.prefixes(), unpack(prefixes)), newest) end
  end
  if tags ~= '' then
    local names = {}
    for tag in string.gmatch(tags, '[^,]+') do names[#names + 1] = tag end
    newest = newest_of(redis.call('ZMSCORE', Marks.tags(), unpack(names)), newest)
  end
  return newest
end

-- What a mark covers is removed in passes over all entries. One that begins while a pass goes on is the next pass's.
local function sweep_covered()
  redis.call('HSETNX', Marks.sweeping(), 'cursor', '0')
  redis.call('HSETNX', Marks.sweeping(), 'upto', int(Cache.version))
  Cache.sweep_at(now)
end

function Marks.tag(tag)
  redis.call('ZADD', Marks.tags(), Cache.next_version(), tag)
  sweep_covered()
end

function Marks.prefix(prefix)
  local length = #prefix
  if redis.call('ZADD', Marks.prefixes(), Cache.next_version(), prefix) == 1 and
    redis.call('HINCRBY', Cache.stem .. ':lengths', length, 1) == 1 then
    Cache.set_prefix_lengths(Cache.prefix_lengths == '' and int(length) or Cache.prefix_lengths .. ',' .. length)
  end
  sweep_covered()
end
