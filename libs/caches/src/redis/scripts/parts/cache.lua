-- The cache under way: its state and its configuration.
-- KEYS 1 stem of a cache, unless the call concerns no single one
--   <stem>           text  a cache without it does not exist: version, flushed, bytes, made: its first version, instance, in
--                          which it was opened, configuration, lengths of prefixes; between blanks. (A hash: of a former form.)
--   <stem>:index     zset  key of an entry -> when it is over, stale too (+inf: never)
--   <stem>:garbage   list  indexes of before a flush, whose entries are still to be removed
--   <shared>:due     zset  stem -> when the cache has something to be swept
--   <shared>:names   zset  names of caches that exist, in their order
-- Times are milliseconds of Redis' clock; 0 stands for never.
-- Leaves: Cache.in_namespace(stem), one that the node gave
--         Cache.turn_to(stem), another cache, for its keys alone: Cache.stem and Cache.scope, the stem of what belongs to the
--         instance
--         Cache.enter(stem, also), reads its state too: Cache.exists, Cache.version: the newest, Cache.flushed: that of the last
--         flush, Cache.made, Cache.prefix_lengths: text, Cache.bytes, Cache.configuration: text, and what that says, '' for the
--         default: Cache.ttl, Cache.largest, Cache.near_bytes, Cache.coherence, Cache.max_bytes, Cache.max_entries. Returns
--         what stands under the key `also`
--         Cache.is_over(): nothing of it may be served
--         Cache.configure(text), these values between commas
--         Cache.next_version(), as text; Cache.grow(bytes); Cache.set_prefix_lengths(text); Cache.flush(); Cache.drop();
--         Cache.sweep_at(instant)
--         Cache.advance(grown), the next version of a cache that grows by so many bytes, which Cache.save(key, text) writes
--         down with what stands under another key
-- Invariant: nothing is served of a cache of an earlier instance before open-cache.lua judged it.
-- @include @redis/clock.lua
-- @include @redis/hybrid-clock.lua
-- @include @redis/integer.lua
-- @include parts/instance.lua
local Cache = {}
local DEFAULTS = ',,,,,'
-- Stands for the instance in which a cache of a former form was opened. No id looks like this.
local FORMER = '@'

function Cache.in_namespace(stem) return string.match(KEYS[1], '^(.-)syncline:{') .. stem end

function Cache.turn_to(stem)
  Cache.stem, Cache.scope = stem, stem .. ':' .. INSTANCE
  -- Of the state of the cache before nothing may be taken for that of this one.
  Cache.version, Cache.flushed = nil, nil
end

local function take_configuration(text)
  local ttl, largest, near_bytes, coherence, max_bytes, max_entries = '', '', '', '', '', ''
  if text ~= DEFAULTS then
    ttl, largest, near_bytes, coherence, max_bytes, max_entries =
      string.match(text, '^(%d*),(%d*),(%d*),(%a*),(%d*),(%d*)$')
  end
  Cache.configuration = text
  Cache.ttl, Cache.largest, Cache.near_bytes, Cache.coherence = ttl, largest, near_bytes, coherence
  Cache.max_bytes, Cache.max_entries = max_bytes, max_entries
end

local function take_state(text)
  local version, flushed, bytes, made, instance, configuration, lengths = 0, 0, 0, 0, '', DEFAULTS, ''
  local former = text and {} or redis.call('HMGET', Cache.stem, 'version', 'config')
  Cache.exists = (text or former[1]) and true
  if text then
    version, flushed, bytes, made, instance, configuration, lengths =
      string.match(text, '^(%d+) (%d+) (%-?%d+) (%d+) (%S*) (%S*) (%S*)$')
  elseif former[1] then
    -- In a former form: its configuration is kept, and nothing that it holds.
    version, made, instance, configuration = former[1], former[1], FORMER, former[2] or DEFAULTS
  end
  Cache.version, Cache.flushed, Cache.bytes, Cache.made = version + 0, flushed + 0, bytes + 0, made + 0
  Cache.instance, Cache.prefix_lengths = instance, lengths
  take_configuration(configuration)
end

-- Of an earlier instance that could lose something: its entries are flushed as soon as a call opens the cache.
function Cache.is_over()
  return Cache.instance ~= INSTANCE and Cache.instance ~= redis.call('HGET', Instance.facts(), 'carries')
end

function Cache.enter(stem, also)
  Cache.turn_to(stem)
  local texts = redis.call('MGET', stem, also or stem)
  take_state(texts[1])
  return texts[2]
end

function Cache.save(...)
  local state = string.format('%d %d %d %d %s %s %s', Cache.version, Cache.flushed, Cache.bytes, Cache.made, Cache.instance,
    Cache.configuration, Cache.prefix_lengths)
  redis.call('MSET', Cache.stem, state, ...)
end

function Cache.configure(text)
  take_configuration(text)
  Cache.save()
end

each_call(function()
  if #KEYS == 1 then
    Cache.stem, Cache.scope, Cache.version, Cache.flushed = nil, nil, nil, nil
    return
  end
  Cache.turn_to(KEYS[1])
  take_state(Instance.texts[1])
  if Cache.exists and Cache.instance ~= INSTANCE then error({ err = 'UNOPENED' }) end
end)

-- The name of a stem: see caches.keys.ts.
local function name_of(stem)
  local name = string.match(stem, 'syncline:{caches:%d+}:{(.*)}$') or string.match(stem, 'syncline:{cache:(.*)}$')
  return (string.gsub(name, '%%7D', '}'))
end

-- A version is larger than all before it, also after the cache was dropped. The first version of a cache belongs to nothing in
-- it: what a dropped cache of its name left behind is older.
function Cache.advance(grown)
  local clock, text = Instance.clock(), Instance.clock_text
  if not Cache.exists then
    local made = HybridClock.next(clock, Cache.version, text)
    Cache.exists, Cache.version, Cache.flushed, Cache.made, Cache.instance = true, made, made, made, INSTANCE
    redis.call('ZADD', Instance.shared .. ':names', 0, name_of(Cache.stem))
  end
  Cache.version = HybridClock.next(clock, Cache.version, text)
  Cache.bytes = Cache.bytes + grown
  return int(Cache.version)
end

function Cache.next_version()
  local version = Cache.advance(0)
  Cache.save()
  return version
end

function Cache.grow(bytes)
  Cache.bytes = Cache.bytes + bytes
  Cache.save()
end

function Cache.set_prefix_lengths(text)
  Cache.prefix_lengths = text
  Cache.save()
end

-- The cache has something to be swept at an instant.
function Cache.sweep_at(instant)
  redis.call('ZADD', Instance.shared .. ':due', 'LT', instant, Cache.stem)
end

-- Removes all entries, for readers at once; their bytes are freed later.
function Cache.flush()
  local stem, flushed = Cache.stem, Cache.advance(0)
  Cache.flushed, Cache.bytes, Cache.prefix_lengths = Cache.version, 0, ''
  Cache.save()
  redis.call('UNLINK', stem .. ':tag-marks', stem .. ':prefix-marks', stem .. ':lengths', stem .. ':sweeping')
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

