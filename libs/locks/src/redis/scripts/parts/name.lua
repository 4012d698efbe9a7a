-- Names of locks and semaphores: read once, changed here, written back by Name.save().
-- Leaves: Name; prefix, with which every key of the shard begins: KEYS[1].
--
-- Keys after the prefix. A name is `l/<name of a lock>` or `s/<name of a semaphore>`.
--   l:<name>      string, one of
--                 '- <token> <limit> <past>': idle, its last token; for KEEP_MS, or for good with a limit that was configured
--                 '<token> <limit> <waiting> <arrival> <past> <end> <lease id> <record>': it has one holder; how many
--                 requests wait, and the arrival of the last of them; an end is in ms, or inf for a lease that lives as
--                 long as its session
--                 '*': it has had several holders since it was idle, or has none and requests wait: see m:<name>
--                 <limit> ends in '!' when it was configured: then it stays, and what callers say does not count
--                 <past> is how its last lease ended: '<lease id> <outcome> <kept until, ms>', or '- - 0'
--   m:<name>      hash: token, used, limit, waiting, arrival, past, and one field a holder: lease id -> record
--   x:<name>      zset: lease id -> end of the lease, of the holders in m:<name>
--   q:<name>      zset: wait id -> arrival, microseconds; the queue
--   s:<name> <lease id>   string: how a lease before the last one ended, for KEEP_MS: '1' released, '0' lost
--   e:<name>      stream: events, only while somebody watches the name; watching: exists while anybody watches any
--   w             hash: wait id -> record of a waiting request (see wait.lua)
--   o:<owner>     set: wait ids of an owner
--   pulse         string: when a node was heard last, and how long none was (see silence.lua)
--   nodes         zset: process id -> alive until, ms   n:<process id>  set: its wait ids   g:<process id>  hash: wait id -> outcome
--   sessions      zset: session id -> end, ms           S:<id>  hash: its facts
--   L:<id>        set: the leases of a session, '<name> <lease id>'     A:<id>  set: wait ids of what it waits for
--   V:<id>        zset: leases that were taken away from it, '<name> <token>' -> when, ms
--   instance, expected, told   which instance of Redis it is (see instance.lua)
--   clock         string: no token of the shard is larger (see token.lua)
--   index, due    zsets of names: held or awaited ones; a lower bound of the next end of a lease, ms
--   audit         stream: forced releases               deadlocks  list: the last ones, newest first (see give-up.lua)
-- @include @redis/clock.lua
-- @include @redis/integer.lua
local Name = {}
local prefix
-- Keys of a shard; calls for another one make them again.
local index_key, due_key

-- A lock is a semaphore of this many permits: a shared lease takes one, an exclusive one takes all.
local LOCK_PERMITS, LOCK_LIMIT = 1000000, '1000000'
local KEEP_MS = 300000
local NO_PAST = '- - 0'

-- Names by their ids, and the one that was read last; each knows the one before it. Until when leases that end now are
-- remembered.
local names, last_read, kept_until
each_call(function()
  if prefix ~= KEYS[1] then
    prefix = KEYS[1]
    index_key, due_key = prefix .. 'index', prefix .. 'due'
  end
  names, last_read, kept_until = {}, false, false
end)

local function read_limit(name, text)
  if text == LOCK_LIMIT then
    name.limit = LOCK_PERMITS
  elseif string.byte(text, -1) == 33 then
    name.limit, name.configured = string.sub(text, 1, -2) + 0, true
  else
    name.limit = text + 0
  end
end

local function read_idle(name, text)
  local limit
  name.token, limit, name.past = string.match(text, '^%- ([^ ]+) ([^ ]+) (.+)$')
  name.kept = 'idle'
  if limit ~= '0' then read_limit(name, limit) end
end

local function read_sole(name, text)
  local limit, waiting, weight
  name.token, limit, waiting, name.arrival, name.past, name.ending, name.sole, name.record, weight =
    string.match(text, '^(%S+) (%S+) (%S+) (%S+) (%S+ %S+ %S+) (%S+) (%S+) ()(%S+)')
  name.record = string.sub(text, name.record)
  name.kept, name.used = 'sole', weight + 0
  if waiting ~= '0' then name.waiting = waiting + 0 end
  read_limit(name, limit)
  -- `due` has this moment for the name, or an earlier one.
  if name.ending ~= 'inf' then name.look_at = name.ending + 0 end
end

local function read_several(name)
  local f = redis.call('HMGET', prefix .. 'm:' .. name.id, 'token', 'used', 'limit', 'waiting', 'arrival', 'past')
  name.kept, name.token, name.used, name.past = 'several', f[1], f[2] + 0, f[6]
  name.waiting, name.arrival = f[4] + 0, f[5]
  name.records = {}
  read_limit(name, f[3])
end

function Name.of(id)
  local name = names[id]
  if name then return name end
  name = {
    id = id, key = prefix .. 'l:' .. id, before = last_read, token = '0', past = NO_PAST, used = 0, waiting = 0, arrival = '0',
    limit = string.byte(id) == 108 and LOCK_PERMITS or nil,
    -- Beside these, for which there is room: `kept`, as what it stands in the data; `changed`; of its one holder `sole`, the
    -- lease id, `record` and `ending`; `look_at`, when it is looked at, at the latest, and `due`, the same where the list has to
    -- be told. `configured`, whether its limit was. Of one with several holders `records`, of those that were read or changed,
    -- false for those that hold it no longer, and `written`, which of them were changed.
  }
  names[id], last_read = name, name
  local text = redis.call('GET', name.key)
  if not text then return name end
  local kind = string.byte(text)
  if kind == 42 then read_several(name)
  elseif kind == 45 then read_idle(name, text)
  else read_sole(name, text) end
  return name
end

-- The record of a holder; false when there is none.
function Name.record(name, lease_id)
  if name.sole == lease_id then return name.record end
  local records = name.records
  if not records then return false end
  local record = records[lease_id]
  if record == nil then
    record = redis.call('HGET', prefix .. 'm:' .. name.id, lease_id)
    records[lease_id] = record
  end
  return record
end

-- When a lease of a holder ends, as it was set; false when there is none.
function Name.ending(name, lease_id)
  if name.sole == lease_id then return name.ending end
  return name.records and redis.call('ZSCORE', prefix .. 'x:' .. name.id, lease_id)
end

-- Holders, the one whose lease ends first before the others: lease id, end, ...
function Name.holders(name, most)
  if name.sole then return { name.sole, name.ending } end
  return name.records and redis.call('ZRANGE', prefix .. 'x:' .. name.id, 0, most - 1, 'WITHSCORES') or {}
end

-- Reads the records of several holders at once.
function Name.read_records(name, lease_ids)
  if not name.records or #lease_ids == 0 then return end
  local read = redis.call('HMGET', prefix .. 'm:' .. name.id, unpack(lease_ids))
  for i = 1, #lease_ids do
    if name.records[lease_ids[i]] == nil then name.records[lease_ids[i]] = read[i] end
  end
end

local function write_record(name, lease_id, record)
  name.records[lease_id] = record
  name.written = name.written or {}
  name.written[lease_id] = true
end

-- Keeps the record and the end of a lease: text, ms or 'inf'. Most names never have two holders at once: these need no hash.
function Name.hold(name, lease_id, record, ending)
  name.changed = true
  if name.used == 0 or name.sole == lease_id then
    name.sole, name.record, name.ending = lease_id, record, ending
    return
  end
  name.records = name.records or {}
  if name.sole then
    write_record(name, name.sole, name.record)
    redis.call('ZADD', prefix .. 'x:' .. name.id, name.ending, name.sole)
    name.sole, name.record = false, false
  end
  write_record(name, lease_id, record)
  redis.call('ZADD', prefix .. 'x:' .. name.id, ending, lease_id)
end

-- Takes a holder away. `weight`: the permits that it had.
function Name.drop(name, lease_id, weight)
  name.changed = true
  name.used = name.used - weight
  if name.sole == lease_id then
    name.sole, name.record = false, false
    return
  end
  write_record(name, lease_id, false)
  redis.call('ZREM', prefix .. 'x:' .. name.id, lease_id)
end

local function spent_key(name, lease_id)
  return prefix .. 's:' .. name.id .. ' ' .. lease_id
end

-- Remembers how a lease ended: the last one with its name, those before it by themselves.
function Name.remember(name, lease_id, outcome)
  if name.past ~= NO_PAST then
    local before, how, till = string.match(name.past, '^([^ ]+) ([^ ]+) ([^ ]+)$')
    if till + 0 > now then redis.call('SET', spent_key(name, before), how, 'PXAT', till) end
  end
  kept_until = kept_until or int(now + KEEP_MS)
  name.past = lease_id .. ' ' .. outcome .. ' ' .. kept_until
  name.changed = true
end

-- How a lease ended: '1' released, '0' lost; false when nobody knows it.
function Name.outcome_of(name, lease_id)
  if name.past ~= NO_PAST then
    local last, how, till = string.match(name.past, '^([^ ]+) ([^ ]+) ([^ ]+)$')
    if last == lease_id and till + 0 > now then return how end
  end
  -- Of a name that was not there nothing else is.
  return (name.kept or name.past ~= NO_PAST) and redis.call('GET', spent_key(name, lease_id))
end

-- Has a name looked at by then, at the latest, ms. `text`: the same, where it is known.
function Name.look_by(name, at, text)
  if not name.look_at or at < name.look_at then name.look_at, name.due = at, text or int(at) end
end

local function limit_of(name)
  if name.limit == LOCK_PERMITS then return LOCK_LIMIT end
  return name.configured and int(name.limit) .. '!' or int(name.limit)
end

local function save_several(name)
  local set, del = {
    'token', name.token, 'used', int(name.used), 'limit', limit_of(name), 'waiting', int(name.waiting),
    'arrival', name.arrival, 'past', name.past,
  }, {}
  for lease_id in pairs(name.written or {}) do
    if name.records[lease_id] then
      set[#set + 1] = lease_id
      set[#set + 1] = name.records[lease_id]
    else
      del[#del + 1] = lease_id
    end
  end
  local key = prefix .. 'm:' .. name.id
  redis.call('HSET', key, unpack(set))
  if #del > 0 then redis.call('HDEL', key, unpack(del)) end
end

-- Keeps an idle name: its last token for a while, its limit for as long as that is configured.
local function save_idle(name)
  if name.configured then
    redis.call('SET', name.key, '- ' .. name.token .. ' ' .. limit_of(name) .. ' ' .. name.past)
  elseif name.token ~= '0' or name.past ~= NO_PAST then
    kept_until = kept_until or int(now + KEEP_MS)
    redis.call('SET', name.key, '- ' .. name.token .. ' 0 ' .. name.past, 'PXAT', kept_until)
  elseif name.kept then
    -- It was never held: there is nothing to remember.
    redis.call('DEL', name.key)
  end
end

local function text_of_sole(name)
  return name.token .. ' ' .. limit_of(name) .. ' ' .. (name.waiting == 0 and '0' or int(name.waiting)) .. ' ' ..
    name.arrival .. ' ' .. name.past .. ' ' .. name.ending .. ' ' .. name.sole .. ' ' .. name.record
end

-- How many names of a realm are held or awaited, as this call leaves them.
function Name.in_use(realm)
  local used = 0
  for _, kind in ipairs({ 'l/', 's/' }) do
    local first = kind .. realm
    used = used + redis.call('ZLEXCOUNT', index_key, '[' .. first, '(' .. first .. '\127')
  end
  local name = last_read
  while name do
    local was_idle = not name.kept or name.kept == 'idle'
    local is_idle = name.used == 0 and name.waiting == 0
    if name.changed and was_idle ~= is_idle and string.sub(name.id, 3, 2 + #realm) == realm then
      used = used + (is_idle and -1 or 1)
    end
    name = name.before
  end
  return used
end

-- Keys and values to set; names that are idle now, those that are no longer, and those to look at, with their scores. They serve
-- all calls, each of which counts what it puts there.
local set, idle, begun, due = {}, {}, {}, {}

-- Writes the names back that changed. What concerns the lists of names goes there in one command each.
function Name.save()
  local sets, idles, begins, dues = 0, 0, 0, 0
  local name = last_read
  while name do
    if name.changed then
      local kept, sole = name.kept, name.sole
      local is_idle = name.used == 0 and name.waiting == 0
      if kept == 'several' and (is_idle or sole) then
        redis.call('DEL', prefix .. 'm:' .. name.id)
        name.records = nil
      end
      if is_idle then
        save_idle(name)
        if kept == 'sole' or kept == 'several' then
          idles = idles + 1
          idle[idles] = name.id
        end
        name.kept, name.due = 'idle', false
      else
        if not kept or kept == 'idle' then
          begun[begins + 1], begun[begins + 2] = '0', name.id
          begins = begins + 2
        end
        if sole then
          set[sets + 1], set[sets + 2] = name.key, text_of_sole(name)
          sets = sets + 2
          name.kept = 'sole'
        else
          if kept ~= 'several' then
            set[sets + 1], set[sets + 2] = name.key, '*'
            sets = sets + 2
          end
          name.records = name.records or {}
          save_several(name)
          name.kept = 'several'
        end
      end
      name.changed, name.written = false, nil
    end
    if name.due then
      due[dues + 1], due[dues + 2] = name.due, name.id
      dues = dues + 2
      name.due = false
    end
    name.look_at = false
    name = name.before
  end
  if sets > 0 then redis.call('MSET', unpack(set, 1, sets)) end
  if idles > 0 then
    redis.call('ZREM', index_key, unpack(idle, 1, idles))
    redis.call('ZREM', due_key, unpack(idle, 1, idles))
  end
  if begins > 0 then redis.call('ZADD', index_key, unpack(begun, 1, begins)) end
  if dues > 0 then redis.call('ZADD', due_key, 'LT', unpack(due, 1, dues)) end
end
