-- The state of a cache, and the keys below its stem.
-- KEYS 1 stem of a cache  2 stem of what all caches share, the last key: none on a Redis Cluster, where caches lie apart
--   <stem>              hash  state and configuration; a cache without it does not exist
--   <stem>:e:<key>      hash  an entry: n version, b bytes, c content type, w written at, x expires at, s stale until, g tags
--   <stem>:index        zset  key -> stale until (+inf: for ever)
--   <stem>:tag-marks    zset  tag -> version of its last invalidation
--   <stem>:prefix-marks zset  prefix -> version of its last invalidation
--   <stem>:lengths      hash  length -> number of prefixes with a mark that are so long
--   <stem>:l:<key>      text  fill lease, the version at which it was granted, and the tags that its value would have
--   <stem>:w:<key>      set   nodes with callers that wait for a fill
--   <shared>:life       hash  the life of this Redis (life.lua); version: largest that a cache had which was dropped
--   <shared>:due        zset  stem -> when the cache has something to be swept
-- Times are milliseconds of Redis' clock; 0 stands for never. Redis' clock is read once.
-- LIFE: the life of Redis that the caller believes in; false: none.
local shared = KEYS[#KEYS]
if LIFE and redis.call('HGET', shared .. ':life', 'id') ~= LIFE then return redis.error_reply('LIFE is over') end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local stem, state, version, flushed, prefix_lengths

-- Turns to a cache.
local function enter(name)
  stem = name
  local f = redis.call('HMGET', stem, 'version', 'flushed', 'prefixLengths', 'defaultTtlMs', 'maxEntryBytes',
    'coherence', 'life', 'nearCacheBytes', 'maxBytes', 'maxEntries', 'made', 'forgotten')
  state = {
    exists = f[1] and true, ttl = f[4] or '', largest = f[5] or '', coherence = f[6] or '', life = f[7] or '',
    near = f[8] or '', max_bytes = f[9] or '', max_entries = f[10] or '', made = tonumber(f[11] or '0'),
    forgotten = tonumber(f[12] or '0'),
  }
  version = tonumber(f[1] or '0')
  flushed = tonumber(f[2] or '0')
  prefix_lengths = f[3] or ''
end

if #KEYS == 2 or not LIFE then
  enter(KEYS[1])
  if LIFE and state.exists and state.life ~= LIFE then
    return redis.error_reply('LIFE of the cache is another one: it was not opened')
  end
end

local function exact(number)
  return string.format('%.0f', number)
end

-- A version is larger than all before it, also after Redis lost its data or the cache was dropped: the clock is its
-- floor. The first version of a cache belongs to nothing in it: what a dropped cache of its name left behind is older.
local function next_version()
  local floor = clock[1] * 1000000 + clock[2]
  if not state.exists then
    if LIFE then floor = math.max(floor, tonumber(redis.call('HGET', shared .. ':life', 'version') or '0') + 1) end
    state.exists, state.made, flushed = true, floor, floor
    version = floor
    redis.call('HSET', stem, 'made', exact(floor), 'flushed', exact(floor), 'life', LIFE or '')
  end
  version = math.max(version + 1, floor)
  redis.call('HSET', stem, 'version', exact(version))
  return exact(version)
end

-- The cache has something to be swept at an instant.
local function sweep_at(instant)
  if LIFE then redis.call('ZADD', shared .. ':due', 'LT', exact(instant), stem) end
end

-- The newest invalidation that covers a key with these tags, as a version; 0 when there was none.
local function invalidated_at(key, tags)
  local newest = flushed
  local function consider(versions)
    for i = 1, #versions do
      if versions[i] then newest = math.max(newest, tonumber(versions[i])) end
    end
  end
  if prefix_lengths ~= '' then
    local prefixes = {}
    for length in string.gmatch(prefix_lengths, '%d+') do
      if #key >= tonumber(length) then prefixes[#prefixes + 1] = string.sub(key, 1, tonumber(length)) end
    end
    if #prefixes > 0 then consider(redis.call('ZMSCORE', stem .. ':prefix-marks', unpack(prefixes))) end
  end
  if tags ~= '' then
    local names = {}
    for tag in string.gmatch(tags, '[^,]+') do names[#names + 1] = tag end
    consider(redis.call('ZMSCORE', stem .. ':tag-marks', unpack(names)))
  end
  return newest
end

-- The facts of the entry under a key, without its bytes; nil when it is absent, past its life, or invalidated.
local function find_entry(key)
  local f = redis.call('HMGET', stem .. ':e:' .. key, 'n', 'c', 'w', 'x', 's', 'g')
  if not f[1] or not state.exists then return nil end
  local stale_until = tonumber(f[5])
  if stale_until > 0 and now >= stale_until then return nil end
  if tonumber(f[1]) <= invalidated_at(key, f[6]) then return nil end
  return {
    version = f[1], content_type = f[2], written = tonumber(f[3]), expires = tonumber(f[4]),
    stale_until = stale_until, tags = f[6],
  }
end

local function is_stale(entry)
  return entry.expires > 0 and now >= entry.expires
end

local function entry_bytes(key)
  return redis.call('HGET', stem .. ':e:' .. key, 'b')
end

-- Tells a node, as a packet of Nest's Redis transport. It may get lost.
local function tell(node, pattern, data)
  redis.call('PUBLISH', 'syncline.cache.' .. pattern .. '.' .. node, cjson.encode({ pattern = pattern, data = data }))
end
