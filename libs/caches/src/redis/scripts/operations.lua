-- The operations on a cache: what each is refused for, and what it changes. An operation is a list of strings:
--   put        key, bytes, content type, ttl ('' default), stale, tags, if-match, if-none-match, fill lease
--   delete     key, if-match, if-none-match
--   increment  key, by, ttl ('' default)
--   tag        tag             invalidates the entries with a tag
--   prefix     prefix          invalidates the entries whose key begins so
--   flush                      invalidates all entries
--   drop                       removes the cache with its configuration
--   configure  default ttl, largest entry, near cache bytes, coherence, bytes, entries; '' for the default
-- Conditions are '' (none), '*' or a list of versions between commas.
-- A result is a list of strings, its first says what happened.
-- @include fill-lease.lua
-- Marks of tags, and of prefixes: one more flushes the cache. Sweeping forgets them long before (sweep.lua).
local MAX_MARKS = 100000
local MAX_INTEGER = 9007199254740991

local function matches(condition, entry)
  if not entry then return false end
  return condition == '*' or string.find(',' .. condition .. ',', ',' .. entry.version .. ',', 1, true) ~= nil
end

local function unmet(entry, if_match, if_none_match)
  return (if_match ~= '' and not matches(if_match, entry)) or (if_none_match ~= '' and matches(if_none_match, entry))
end

-- Bytes that a key takes, as the statistics count them. What a flush left behind is counted no more.
local function counted(key)
  local at = stem .. ':e:' .. key
  local made = redis.call('HGET', at, 'n')
  if not made or tonumber(made) <= flushed then return 0 end
  return #key + redis.call('HSTRLEN', at, 'b')
end

local function remove(key)
  local size = counted(key)
  if size > 0 then redis.call('HINCRBY', stem, 'bytes', -size) end
  redis.call('DEL', stem .. ':e:' .. key)
  redis.call('ZREM', stem .. ':index', key)
end

local function store(key, bytes, content_type, expires, stale_until, tags)
  local grown = #key + #bytes - counted(key)
  local made = next_version()
  redis.call('HSET', stem .. ':e:' .. key, 'n', made, 'b', bytes, 'c', content_type, 'w', now,
    'x', expires, 's', stale_until, 'g', tags)
  redis.call('ZADD', stem .. ':index', stale_until > 0 and stale_until or '+inf', key)
  if stale_until > 0 then sweep_at(stale_until) end
  redis.call('HINCRBY', stem, 'bytes', grown)
  return made
end

-- The sum, and the entry that it adds to (nil: it starts from 0); no sum when there is no integer to add to.
local function sum_of(op, entry)
  if entry and is_stale(entry) then entry = nil end
  local value = entry and entry_bytes(op[2]) or '0'
  if #value > 17 or not string.find(value, '^%-?%d+$') then return nil end
  local sum = tonumber(value) + tonumber(op[3])
  if math.abs(tonumber(value)) > MAX_INTEGER or math.abs(sum) > MAX_INTEGER then return nil end
  return string.format('%.0f', sum == 0 and 0 or sum), entry
end

local function expiry_of(ttl, stale)
  if ttl == '' then ttl = state.ttl end
  if ttl == '' then return 0, 0 end
  return now + tonumber(ttl), now + tonumber(ttl) + tonumber(stale)
end

-- Why an operation cannot be done as things stand; nil when it can.
local refuse = {
  put = function(op, entry)
    local limit = state.largest == '' and '1048576' or state.largest
    if #op[3] > tonumber(limit) then return { 'too-large', limit } end
    if state.max_bytes ~= '' and #op[2] + #op[3] > tonumber(state.max_bytes) then
      return { 'too-large', state.max_bytes }
    end
    if op[10] ~= '' and fill_lease_of(op[2], op[7]) ~= op[10] then return { 'lease-void' } end
    if unmet(entry, op[8], op[9]) then return { 'mismatch' } end
  end,
  delete = function(op, entry)
    if unmet(entry, op[3], op[4]) then return { 'mismatch' } end
    if not entry and redis.call('EXISTS', stem .. ':l:' .. op[2]) == 0 then return { 'absent' } end
  end,
  increment = function(op, entry)
    if not sum_of(op, entry) then return { 'not-an-integer' } end
  end,
  tag = function()
    if redis.call('ZCARD', stem .. ':tag-marks') >= MAX_MARKS then return { 'full' } end
  end,
  prefix = function()
    if redis.call('ZCARD', stem .. ':prefix-marks') >= MAX_MARKS then return { 'full' } end
  end,
}

local function flush()
  flushed = tonumber(next_version())
  redis.call('HSET', stem, 'flushed', exact(flushed), 'bytes', 0)
  redis.call('HDEL', stem, 'prefixLengths', 'sweeping', 'sweepingUpTo', 'swept')
  prefix_lengths = ''
  redis.call('UNLINK', stem .. ':tag-marks', stem .. ':prefix-marks', stem .. ':lengths')
  if redis.call('EXISTS', stem .. ':index') == 1 then
    local garbage = stem .. ':garbage:' .. exact(flushed)
    redis.call('RENAME', stem .. ':index', garbage)
    redis.call('RPUSH', stem .. ':garbage', garbage)
    sweep_at(now)
  end
end

-- Entries that an invalidation covers are swept in passes over all entries. One that begins while a pass goes on is
-- the next pass's.
local function sweep_marked()
  redis.call('HSETNX', stem, 'sweeping', '0')
  redis.call('HSETNX', stem, 'sweepingUpTo', exact(version))
  sweep_at(now)
end

local change = {
  put = function(op, entry)
    local expires, stale_until = expiry_of(op[5], op[6])
    local made = store(op[2], op[3], op[4], expires, stale_until, op[7])
    end_fill(op[2])
    return { entry and 'replaced' or 'created', made, tostring(expires) }
  end,
  delete = function(op, entry)
    remove(op[2])
    end_fill(op[2])
    return { entry and 'deleted' or 'absent' }
  end,
  increment = function(op, entry)
    local sum, base = sum_of(op, entry)
    local expires, stale_until = expiry_of(op[4], 0)
    local content_type, tags = 'application/json', ''
    if base then
      expires, stale_until, content_type, tags = base.expires, base.stale_until, base.content_type, base.tags
    end
    local made = store(op[2], sum, content_type, expires, stale_until, tags)
    end_fill(op[2])
    return { 'incremented', made, sum }
  end,
  tag = function(op)
    redis.call('ZADD', stem .. ':tag-marks', next_version(), op[2])
    sweep_marked()
    return { 'invalidated' }
  end,
  prefix = function(op)
    if redis.call('ZADD', stem .. ':prefix-marks', next_version(), op[2]) == 1 and
      redis.call('HINCRBY', stem .. ':lengths', #op[2], 1) == 1 then
      prefix_lengths = prefix_lengths == '' and tostring(#op[2]) or prefix_lengths .. ',' .. #op[2]
      redis.call('HSET', stem, 'prefixLengths', prefix_lengths)
    end
    sweep_marked()
    return { 'invalidated' }
  end,
  flush = function()
    flush()
    return { 'invalidated' }
  end,
  drop = function()
    if not state.exists then return { 'absent' } end
    flush()
    if LIFE and version > tonumber(redis.call('HGET', shared .. ':life', 'version') or '0') then
      redis.call('HSET', shared .. ':life', 'version', exact(version))
    end
    redis.call('DEL', stem, stem .. ':stats', stem .. ':' .. (LIFE or '') .. ':c:@')
    enter(stem)
    return { 'dropped' }
  end,
  configure = function(op)
    next_version()
    for i, field in ipairs({ 'defaultTtlMs', 'maxEntryBytes', 'nearCacheBytes', 'coherence', 'maxBytes', 'maxEntries' }) do
      if op[i + 1] == '' then
        redis.call('HDEL', stem, field)
      else
        redis.call('HSET', stem, field, op[i + 1])
      end
    end
    enter(stem)
    return { 'configured' }
  end,
}

local ON_ENTRY = { put = true, delete = true, increment = true }

local function refusal_of(op)
  local check = refuse[op[1]]
  return check and check(op, ON_ENTRY[op[1]] and find_entry(op[2]) or nil)
end

-- Does an operation now, or tells why not.
local function apply(op)
  local entry = ON_ENTRY[op[1]] and find_entry(op[2]) or nil
  local check = refuse[op[1]]
  return check and check(op, entry) or change[op[1]](op, entry)
end
