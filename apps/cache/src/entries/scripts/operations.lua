-- The operations on a cache: what each is refused for, and what it changes. An operation is a list of strings:
--   put        key, bytes, content type, ttl ('' default), stale, tags, if-match, if-none-match, fill lease
--   delete     key, if-match
-- Conditions are '' (none), '*' or a list of versions between commas.
-- A result is a list of strings, its first says what happened.
-- @include state.lua

local function matches(condition, entry)
  if not entry then return false end
  return condition == '*' or string.find(',' .. condition .. ',', ',' .. entry.version .. ',', 1, true) ~= nil
end

local function unmet(entry, if_match, if_none_match)
  return (if_match ~= '' and not matches(if_match, entry)) or (if_none_match ~= '' and matches(if_none_match, entry))
end

local function remove(key)
  local size = redis.call('HSTRLEN', stem .. ':e:' .. key, 'b')
  if redis.call('DEL', stem .. ':e:' .. key) == 1 then
    redis.call('HINCRBY', stem, 'bytes', -(size + #key))
  end
  redis.call('ZREM', stem .. ':index', key)
end

local function store(key, bytes, content_type, expires, stale_until, tags)
  local at = stem .. ':e:' .. key
  local grown = #bytes + #key
  local size = redis.call('HSTRLEN', at, 'b')
  if size > 0 or redis.call('EXISTS', at) == 1 then grown = grown - size - #key end
  local made = next_version()
  redis.call('HSET', at, 'n', made, 'b', bytes, 'c', content_type, 'w', now,
    'x', expires, 's', stale_until, 'g', tags)
  redis.call('ZADD', stem .. ':index', stale_until > 0 and stale_until or '+inf', key)
  redis.call('HINCRBY', stem, 'bytes', grown)
  return made
end

-- Why an operation cannot be done as things stand; nil when it can.
local refuse = {
  put = function(op, entry)
    local limit = tonumber(state[5] or '1048576')
    if #op[3] > limit then return { 'too-large', tostring(limit) } end
    if unmet(entry, op[8], op[9]) then return { 'mismatch' } end
  end,
  delete = function(op, entry)
    if op[3] ~= '' and not matches(op[3], entry) then return { 'mismatch' } end
    if not entry then return { 'absent' } end
  end,
}

local change = {
  put = function(op, entry)
    local ttl = op[5] ~= '' and op[5] or state[4] or ''
    local expires = ttl ~= '' and now + tonumber(ttl) or 0
    local stale_until = expires > 0 and expires + tonumber(op[6]) or 0
    local made = store(op[2], op[3], op[4], expires, stale_until, op[7])
    return { entry and 'replaced' or 'created', made, tostring(expires) }
  end,
  delete = function(op)
    remove(op[2])
    return { 'deleted', next_version() }
  end,
}

local function refusal_of(op, entry)
  return refuse[op[1]](op, entry)
end

-- Does an operation now, or tells why not.
local function apply(op)
  local entry = find_entry(op[2])
  return refusal_of(op, entry) or change[op[1]](op, entry)
end
