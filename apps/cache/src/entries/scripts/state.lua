-- The state of a cache, and the keys below its stem.
-- KEYS 1 stem: hash with the state and the configuration of the cache
--   <stem>:e:<key>    hash  an entry: n version, b bytes, c content type, w written at, x expires at, s stale until, g tags
--   <stem>:index      zset  key -> stale until (+inf: for ever)
--   <stem>:tags       hash  tag -> version of its last invalidation
--   <stem>:prefixes   hash  prefix -> version of its last invalidation
--   <stem>:l:<key>    text  fill lease, the version at which it was granted, and the tags that its value would have
--   <stem>:w:<key>    set   nodes with callers that wait for a fill
-- Times are milliseconds of Redis' clock; 0 stands for never. Redis' clock is read once.
-- LIFE: the life of Redis that the caller believes in; false: none.
local stem = KEYS[1]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local state = redis.call('HMGET', stem, 'version', 'flushed', 'prefixLengths', 'defaultTtlMs', 'maxEntryBytes',
  'coherence', 'life')
local version = tonumber(state[1] or '0')
local flushed = tonumber(state[2] or '0')
local prefix_lengths = state[3] or ''
if LIFE and state[7] ~= LIFE then return redis.error_reply('LIFE is over, or the cache was not opened in it') end

-- A version is larger than all before it, also after Redis lost its data: the clock is its floor.
local function next_version()
  version = math.max(version + 1, clock[1] * 1000000 + clock[2])
  redis.call('HSET', stem, 'version', string.format('%.0f', version))
  return string.format('%.0f', version)
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
    if #prefixes > 0 then consider(redis.call('HMGET', stem .. ':prefixes', unpack(prefixes))) end
  end
  if tags ~= '' then
    local names = {}
    for tag in string.gmatch(tags, '[^,]+') do names[#names + 1] = tag end
    consider(redis.call('HMGET', stem .. ':tags', unpack(names)))
  end
  return newest
end

-- The facts of the entry under a key, without its bytes; nil when it is absent, past its life, or invalidated.
local function find_entry(key)
  local f = redis.call('HMGET', stem .. ':e:' .. key, 'n', 'c', 'w', 'x', 's', 'g')
  if not f[1] then return nil end
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
