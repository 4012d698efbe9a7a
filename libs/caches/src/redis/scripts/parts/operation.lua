-- The operations on a cache: what each is refused for, and what it changes. An operation is a list of strings:
--   put        key, bytes, content type, ttl ('' default), stale, tags, if-match, if-none-match, fill lease, room
--   delete     key, if-match, if-none-match
--   increment  key, by, ttl ('' default), room
--   touch      key, ttl        the entry lives so long from now on; its version stays
--   tag        tag             invalidates the entries with a tag
--   prefix     prefix          invalidates the entries whose key begins so
--   flush                      invalidates all entries
--   drop                       removes the cache with its configuration
--   configure  default ttl, largest entry, near cache bytes, coherence, bytes, entries; '' for the default
-- Conditions are '' (none), '*' or a list of versions between commas.
-- The room is what the tenant of the cache may add, where it has a quota: then the outcome ends with what the cache grew by, in bytes.
-- An outcome is a list of strings; its first says what happened.
-- Leaves: Operation.find(op), what it is about: an entry, and what lies under its key, as Entry.find
--         Operation.asks_for_entry(op), whether its refusal does
--         Operation.refusal(op, entry): why it cannot be done as things stand, an outcome; nil when it can
--         Operation.apply(op, entry, there), for one that is not refused
--         Operation.perform(op), all of it; each returns an outcome
-- @include parts/entry.lua
-- @include parts/fill-lease.lua
local Operation = {}
-- Marks of tags, and of prefixes: one more flushes the cache. Sweeping forgets them long before (sweep.lua).
local MAX_MARKS = 100000
local MAX_INTEGER, MAX_DIGITS = 9007199254740991, 17

local function matches(condition, entry)
  if not entry then return false end
  return condition == '*' or string.find(',' .. condition .. ',', ',' .. entry.version .. ',', 1, true) ~= nil
end

local function is_unmet(entry, if_match, if_none_match)
  return (if_match ~= '' and not matches(if_match, entry)) or (if_none_match ~= '' and matches(if_none_match, entry))
end

-- The sum, and the entry that it adds to (nil: it starts from 0); no sum when there is no integer to add to.
local function sum_of(op, entry)
  if entry and Entry.is_stale(entry) then entry = nil end
  if entry and entry.length > MAX_DIGITS then return nil end
  local value = entry and Entry.bytes(op[2], entry) or '0'
  if not string.find(value, '^%-?%d+$') then return nil end
  local sum = value + op[3]
  if math.abs(value) > MAX_INTEGER or math.abs(sum) > MAX_INTEGER then return nil end
  return int(sum == 0 and 0 or sum), entry
end

local function expiry_of(ttl, stale)
  if ttl == '' then ttl = Cache.ttl end
  if ttl == '' then return 0, 0 end
  return now + ttl, now + ttl + stale
end

-- Whether so many bytes under a key are more than there is room for. What makes nothing grow has always room.
local function is_beyond(room, key, bytes)
  if not room then return false end
  local _, there = Entry.find(key)
  local growth = #key + bytes - Entry.size(key, there)
  return growth > 0 and growth > room + 0
end

local refusals = {
  put = function(op, entry)
    local limit = Cache.largest == '' and '1048576' or Cache.largest
    if #op[3] > limit + 0 then return { 'too-large', limit } end
    if Cache.max_bytes ~= '' and #op[2] + #op[3] > Cache.max_bytes + 0 then return { 'too-large', Cache.max_bytes } end
    if op[10] ~= '' and FillLease.of(op[2], op[7]) ~= op[10] then return { 'lease-void' } end
    if is_unmet(entry, op[8], op[9]) then return { 'mismatch' } end
    if is_beyond(op[11], op[2], #op[3]) then return { 'quota' } end
  end,
  delete = function(op, entry)
    if is_unmet(entry, op[3], op[4]) then return { 'mismatch' } end
    if not entry and not FillLease.is_there(op[2]) then return { 'absent' } end
  end,
  increment = function(op, entry)
    local sum = sum_of(op, entry)
    if not sum then return { 'not-an-integer' } end
    if is_beyond(op[5], op[2], #sum) then return { 'quota' } end
  end,
  touch = function(_, entry)
    if not entry then return { 'no-entry' } end
  end,
  tag = function()
    if redis.call('ZCARD', Marks.tags()) >= MAX_MARKS then return { 'full' } end
  end,
  prefix = function()
    if redis.call('ZCARD', Marks.prefixes()) >= MAX_MARKS then return { 'full' } end
  end,
}

local changes = {
  put = function(op, entry, there)
    local expires, stale_until = expiry_of(op[5], op[6])
    local before = Cache.bytes
    local made = Entry.store(op[2], entry, there,
      { bytes = op[3], content_type = op[4], expires = expires, stale_until = stale_until, tags = op[7] })
    FillLease.finish(op[2])
    return { entry and 'replaced' or 'created', made, int(expires), op[11] and int(Cache.bytes - before) }
  end,
  delete = function(op, entry, there)
    if there then Entry.remove(op[2], there) end
    FillLease.finish(op[2])
    return { entry and 'deleted' or 'absent' }
  end,
  increment = function(op, entry, there)
    local sum, base = sum_of(op, entry)
    if not base then
      local expires, stale_until = expiry_of(op[4], 0)
      base = { content_type = 'application/json', expires = expires, stale_until = stale_until, tags = '' }
    end
    base.bytes = sum
    local before = Cache.bytes
    local made = Entry.store(op[2], entry, there, base)
    FillLease.finish(op[2])
    return { 'incremented', made, sum, op[5] and int(Cache.bytes - before) }
  end,
  touch = function(op, entry)
    local expires = now + op[3]
    Entry.live_until(op[2], expires, expires + entry.stale_until - entry.expires)
    return { 'touched', entry.version, int(expires) }
  end,
  tag = function(op)
    Marks.tag(op[2])
    return { 'invalidated' }
  end,
  prefix = function(op)
    Marks.prefix(op[2])
    return { 'invalidated' }
  end,
  flush = function()
    Cache.flush()
    return { 'invalidated' }
  end,
  drop = function()
    if not Cache.exists then return { 'absent' } end
    Cache.drop()
    return { 'dropped' }
  end,
  configure = function(op)
    Cache.next_version()
    Cache.configure(table.concat({ unpack(op, 2) }, ','))
    return { 'configured' }
  end,
}

local ON_ENTRY = { put = true, delete = true, increment = true, touch = true }

function Operation.find(op)
  if ON_ENTRY[op[1]] then return Entry.find(op[2]) end
end

function Operation.asks_for_entry(op)
  return op[1] ~= 'put' or op[8] ~= '' or op[9] ~= ''
end

function Operation.refusal(op, entry)
  local refusal = refusals[op[1]]
  return refusal and refusal(op, entry)
end

function Operation.apply(op, entry, there)
  return changes[op[1]](op, entry, there)
end

function Operation.perform(op)
  local entry, there = Operation.find(op)
  return Operation.refusal(op, entry) or Operation.apply(op, entry, there)
end
