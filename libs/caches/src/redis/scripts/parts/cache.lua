-- The cache under way: its state and its configuration.
-- KEYS 1 stem of a cache, unless the call concerns no single one
--   <stem>           hash  a cache without it does not exist: version, made: its first version, flushed, bytes, config: text,
--                          instance, in which it was opened; the rest: see parts/marks.lua
--   <stem>:index     zset  key of an entry -> when it is over, stale too (+inf: never)
--   <stem>:garbage   list  indexes of before a flush, whose entries are still to be removed
--   <shared>:due     zset  stem -> when the cache has something to be swept
--   <shared>:names   zset  names of caches that exist, in their order
-- Times are milliseconds of Redis' clock; 0 stands for never.
-- Leaves: Cache.in_namespace(stem), one that the node gave
--         Cache.turn_to(stem), another cache, for its keys alone: Cache.stem and Cache.scope, the stem of what belongs to the
--         instance
--         Cache.enter(stem), reads its state too: Cache.exists, Cache.version: the newest, Cache.flushed: that of the last
--         flush, Cache.prefix_lengths: text, Cache.bytes, Cache.configuration: text, and what that says, '' for the default:
--         Cache.ttl, Cache.largest, Cache.near_bytes, Cache.coherence, Cache.max_bytes, Cache.max_entries
--         Cache.is_over(): nothing of it may be served
--         Cache.configure(text), these values between commas
--         Cache.next_version(grown), as text; the cache grows by so many bytes
--         Cache.grow(bytes); Cache.flush(); Cache.drop(); Cache.sweep_at(instant)
-- Invariant: nothing is served of a cache of an earlier instance before open-cache.lua judged it.
-- @include @redis/clock.lua
-- @include @redis/hybrid-clock.lua
-- @include @redis/integer.lua
-- @include parts/instance.lua
local Cache = {}
local DEFAULTS = ',,,,,'

function Cache.in_namespace(stem) return string.match(KEYS[1], '^(.-)syncline:{') .. stem end

function Cache.turn_to(stem)
  Cache.stem, Cache.scope = stem, stem .. ':' .. INSTANCE
  -- Of the state of the cache before nothing may be taken for that of this one.
  Cache.version, Cache.flushed = nil, nil
end

function Cache.enter(stem)
  Cache.turn_to(stem)
  local f = redis.call('HMGET', stem, 'version', 'flushed', 'bytes', 'instance', 'prefixLengths', 'config')
  Cache.exists = f[1] and true
  Cache.version, Cache.flushed, Cache.bytes = (f[1] or 0) + 0, (f[2] or 0) + 0, (f[3] or 0) + 0
  Cache.instance, Cache.prefix_lengths, Cache.configuration = f[4], f[5] or '', f[6] or DEFAULTS
  local ttl, largest, near_bytes, coherence, max_bytes, max_entries = '', '', '', '', '', ''
  if f[6] then
    ttl, largest, near_bytes, coherence, max_bytes, max_entries =
      string.match(f[6], '^(%d*),(%d*),(%d*),(%a*),(%d*),(%d*)$')
  end
  Cache.ttl, Cache.largest, Cache.near_bytes, Cache.coherence = ttl, largest, near_bytes, coherence
  Cache.max_bytes, Cache.max_entries = max_bytes, max_entries
end

-- Of an earlier instance that could lose something: its entries are flushed as soon as a call opens the cache.
function Cache.is_over()
  return Cache.instance ~= INSTANCE
    and Cache.instance ~= redis.call('HGET', Instance.shared .. ':instance-2', 'carries')
end

function Cache.configure(text)
  if text == DEFAULTS then redis.call('HDEL', Cache.stem, 'config') else redis.call('HSET', Cache.stem, 'config', text) end
  Cache.enter(Cache.stem)
end

each_call(function()
  if #KEYS == 1 then
    Cache.stem, Cache.scope, Cache.version, Cache.flushed = nil, nil, nil, nil
    return
  end
  Cache.enter(KEYS[1])
  if Cache.exists and Cache.instance ~= INSTANCE then error({ err = 'UNOPENED' }) end
end)

-- The name of a stem: see caches.keys.ts.
local function name_of(stem)
  local name = string.match(stem, 'syncline:{caches:%d+}:{(.*)}$') or string.match(stem, 'syncline:{cache:(.*)}$')
  return (string.gsub(name, '%%7D', '}'))
end

-- A version is larger than all before it, also after the cache was dropped. The first version of a cache belongs to nothing in
-- it: what a dropped cache of its name left behind is older.
function Cache.next_version(grown)
  if not Cache.exists then
    local made = HybridClock.next(Instance.clock(), Cache.version)
    Cache.exists, Cache.version, Cache.flushed = true, made, made
    redis.call('HSET', Cache.stem, 'made', int(made), 'flushed', int(made), 'instance', INSTANCE)
    redis.call('ZADD', Instance.shared .. ':names', 0, name_of(Cache.stem))
  end
  Cache.version = HybridClock.next(Instance.clock(), Cache.version)
  local version = int(Cache.version)
  if grown then
    Cache.bytes = Cache.bytes + grown
    redis.call('HSET', Cache.stem, 'version', version, 'bytes', Cache.bytes)
  else
    redis.call('HSET', Cache.stem, 'version', version)
  end
  return version
end

function Cache.grow(bytes)
  Cache.bytes = Cache.bytes + bytes
  redis.call('HSET', Cache.stem, 'bytes', Cache.bytes)
end

-- The cache has something to be swept at an instant.
function Cache.sweep_at(instant)
  redis.call('ZADD', Instance.shared .. ':due', 'LT', instant, Cache.stem)
end

-- Removes all entries, for readers at once; their bytes are freed later.
function Cache.flush()
  local stem, flushed = Cache.stem, Cache.next_version()
  Cache.flushed, Cache.bytes, Cache.prefix_lengths = flushed + 0, 0, ''
  redis.call('HSET', stem, 'flushed', flushed, 'bytes', 0)
  redis.call('HDEL', stem, 'prefixLengths', 'sweeping', 'sweepingUpTo', 'swept')
  redis.call('UNLINK', stem .. ':tag-marks', stem .. ':prefix-marks', stem .. ':lengths')
  if redis.call('EXISTS', stem .. ':index') == 1 then
    local garbage = stem .. ':garbage:' .. flushed
    redis.call('RENAME', stem .. ':index', garbage)
    redis.call('RPUSH', stem .. ':garbage', garbage)
    Cache.sweep_at(now)
  end
end

function Cache.drop()
  local stem = Cache.stem
  Cache.flush()
  redis.call('DEL', stem, stem .. ':stats', Cache.scope .. ':c:@')
  redis.call('ZREM', Instance.shared .. ':names', name_of(stem))
  Cache.enter(stem)
end
