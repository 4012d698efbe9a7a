-- What is known of the names that a script touches: read once, changed here, written back by Name.save().
--
-- Every key of a shard begins with KEYS[1]:
--   l:<name>      hash: token, used, limit, waiting, and one field a holder: lease id -> record;
--                 sole: '<end> <lease id>' of a holder that is the only one since the name was idle
--   x:<name>      zset: lease id -> end of the lease, of all others; an end is in ms, or inf for a lease that lives
--                 as long as its session
--   q:<name>      zset: wait id -> arrival, microseconds; the queue
--   t:<name>      string: last token of an idle name, for KEEP_MS; behind it how its last lease ended, as
--                 '<lease id> <outcome> <kept until, ms>'
--   s:<name> <lease id>   string: how a lease before that one ended, for KEEP_MS: '1' released, '0' lost
--   e:<name>      stream: events, only while somebody watches the name; watching: exists while anybody watches any
--   w             hash: wait id -> record of a waiting request: ttl deadline permits,... runs session owner metadata
--   o:<owner>     set: wait ids of an owner
--   nodes         zset: node run -> alive until, ms      n:<run>  set: its wait ids      g:<run>  hash: wait id -> outcome
--   sessions      zset: session id -> end, ms            S:<id>  hash: its facts         L:<id>   set: its leases and waits
--   index, due    zsets of names: held or awaited ones; a lower bound of the next end of a lease, ms
--   audit         stream: forced releases
-- A record is: token acquiredAt waitedMs ttlMs weight state session owner metadata, separated by blanks.
-- State T:<claim> is a lease that was taken up, P:<run>,<run> one that waits to be taken up by a node.
local P = KEYS[1]
local CHANNEL = ARGV[1]
local time = redis.call('TIME')
local micros = tonumber(time[1]) * 1000000 + tonumber(time[2])
local now = math.floor(micros / 1000)

-- A lock is a semaphore of this many permits: a shared lease takes one, an exclusive one takes all.
local LOCK_PERMITS = 1000000
local KEEP_MS = 300000
local EVENTS_KEPT = 256

-- What scripts do stands in three tables: with a local for each function, making the functions anew at each call
-- of a script would cost more than most scripts do.
local Name, Lease = {}, {}
local states, touched, recalled, texts = {}, {}, {}, {}

-- A whole number in digits. Operations of one script share most of theirs: the time, lengths, weights.
local function int(number)
  local text = texts[number]
  if not text then
    text = string.format('%.0f', number)
    texts[number] = text
  end
  return text
end

-- What is kept of idle names and of leases that ended. Several keys at once cost hardly more than one.
function Name.recall(keys)
  local values = redis.call('MGET', unpack(keys))
  for i, key in ipairs(keys) do recalled[key] = values[i] end
end

function Name.kept(key)
  if recalled[key] == nil then recalled[key] = redis.call('GET', key) end
  return recalled[key]
end

local UNKNOWN = { token = 0, till = 0 }

-- A name when it was last idle: its token, and how its last lease ended.
function Name.past(n)
  local value = Name.kept(P .. 't:' .. n)
  if not value then return UNKNOWN end
  local token, lease, outcome, till = value:match('^(%d+) ?(%S*) ?(%d*) ?(%d*)$')
  return { token = tonumber(token), lease = lease, outcome = outcome, till = tonumber(till) or 0 }
end

-- With a lease id its record is read along.
function Name.of(n, lease)
  local st = states[n]
  if st then return st end
  local key = P .. 'l:' .. n
  local f = redis.call('HMGET', key, 'token', 'used', 'limit', 'waiting', 'sole', lease or 'token')
  st = {
    n = n,
    key = key,
    token = f[1] and tonumber(f[1]) or Name.past(n).token,
    used = tonumber(f[2] or 0),
    limit = n:sub(1, 1) == 'l' and LOCK_PERMITS or tonumber(f[3] or nil),
    waiting = tonumber(f[4] or 0),
    fresh = not f[2],
    records = {},
    changed = false,
  }
  if f[5] then
    local at, id = f[5]:match('^(%S+) (%S+)$')
    st.sole = { at = at, lease = id }
  end
  st.several = st.used > 0 and not st.sole
  if lease then st.records[lease] = f[6] end
  states[n] = st
  touched[#touched + 1] = st
  return st
end

-- The record of a holder; false when there is none.
function Name.record(st, lease)
  if st.records[lease] == nil then st.records[lease] = redis.call('HGET', st.key, lease) end
  return st.records[lease]
end

function Lease.parse(rec)
  local token, acquired, waited, ttl, weight, status, session, owner, metadata =
    rec:match('^(%d+) (%d+) (%d+) (%d+) (%d+) (%S+) (%S+) (%S+) (.*)$')
  return {
    token = token, acquired = acquired, waited = waited, ttl = tonumber(ttl), weight = tonumber(weight),
    state = status, session = session, owner = owner, metadata = metadata,
  }
end

function Lease.format(r)
  return r.token .. ' ' .. r.acquired .. ' ' .. r.waited .. ' ' .. int(r.ttl) .. ' ' .. int(r.weight) .. ' ' .. r.state ..
    ' ' .. r.session .. ' ' .. r.owner .. ' ' .. r.metadata
end

function Name.put(st, lease, rec)
  st.records[lease] = rec
  st.written = st.written or {}
  st.written[lease] = true
  st.changed = true
end

function Name.keep_outcome(st, lease, outcome, till)
  local key = P .. 's:' .. st.n .. ' ' .. lease
  redis.call('SET', key, outcome, 'PXAT', int(till))
  recalled[key] = outcome
end

-- Remembers how a lease ended. Name.save() writes it down, with the token when the name is idle then.
function Name.remember(st, lease, outcome)
  if st.last then Name.keep_outcome(st, st.last.lease, st.last.outcome, st.last.till) end
  st.last = { lease = lease, outcome = outcome, till = now + KEEP_MS }
end

-- How a lease ended: '1' released, '0' lost; false when nobody knows it.
function Name.outcome_of(st, lease)
  if st.last and st.last.lease == lease then return st.last.outcome end
  local before = Name.past(st.n)
  if before.lease == lease and before.till > now then return before.outcome end
  return Name.kept(P .. 's:' .. st.n .. ' ' .. lease)
end

-- Has a name looked at by then, at the latest, ms.
function Name.look_by(st, at)
  st.due = math.min(st.due or at, at)
end

function Name.save_idle(st)
  if st.token == 0 then return end
  local before, key = Name.past(st.n), P .. 't:' .. st.n
  local last = before.till > now and before or nil
  if st.last then
    if last then Name.keep_outcome(st, last.lease, last.outcome, last.till) end
    last, st.last = st.last, nil
  end
  local value = int(st.token)
  if last then value = value .. ' ' .. last.lease .. ' ' .. last.outcome .. ' ' .. int(last.till) end
  redis.call('SET', key, value, 'PX', KEEP_MS)
  recalled[key] = value
end

function Name.save_busy(st)
  if st.last then
    Name.keep_outcome(st, st.last.lease, st.last.outcome, st.last.till)
    st.last = nil
  end
  if st.fresh and st.limit ~= LOCK_PERMITS then redis.call('PERSIST', st.key) end
  local set, del = { 'token', int(st.token), 'used', int(st.used), 'waiting', int(st.waiting) }, {}
  if st.limit ~= LOCK_PERMITS then set[7], set[8] = 'limit', st.limit end
  if st.sole then
    set[#set + 1] = 'sole'
    set[#set + 1] = st.sole.at .. ' ' .. st.sole.lease
  elseif not st.fresh then
    del[1] = 'sole'
  end
  for lease in pairs(st.written or {}) do
    if st.records[lease] then
      set[#set + 1] = lease
      set[#set + 1] = st.records[lease]
    elseif not st.fresh then
      del[#del + 1] = lease
    end
  end
  redis.call('HSET', st.key, unpack(set))
  if #del > 0 then redis.call('HDEL', st.key, unpack(del)) end
end

function Name.save()
  local idle, gone, begun, due = {}, {}, {}, {}
  for _, st in ipairs(touched) do
    st.idle = st.changed and st.used == 0 and st.waiting == 0
    if st.idle then idle[#idle + 1], gone[#gone + 1] = st.n, st.key end
  end
  -- What frees memory comes first: a Redis that is full does not refuse it, nor what follows it in the same script.
  if #idle > 0 then
    redis.call('DEL', unpack(gone))
    redis.call('ZREM', P .. 'index', unpack(idle))
    redis.call('ZREM', P .. 'due', unpack(idle))
  end
  for _, st in ipairs(touched) do
    if st.idle then
      Name.save_idle(st)
    elseif st.changed then
      Name.save_busy(st)
      if st.fresh then begun[#begun + 1], begun[#begun + 2] = 0, st.n end
    end
    if st.due and not st.idle then due[#due + 1], due[#due + 2] = int(st.due), st.n end
    if st.changed then st.fresh = st.idle end
    st.changed, st.written, st.due = false, nil, nil
  end
  if #begun > 0 then redis.call('ZADD', P .. 'index', unpack(begun)) end
  if #due > 0 then redis.call('ZADD', P .. 'due', 'LT', unpack(due)) end
end

-- The end of a lease: its own, or that of its session.
function Lease.ends(r, at)
  if at == 'inf' then at = redis.call('ZSCORE', P .. 'sessions', r.session) end
  return tonumber(at or 0)
end

-- Whether somebody watches names of this shard.
local watching

function Name.log(kind, st, lease, rec, expiry)
  if watching == nil then watching = redis.call('EXISTS', P .. 'watching') == 1 end
  if not watching then return end
  local key = P .. 'e:' .. st.n
  if st.watched == nil then st.watched = redis.call('EXISTS', key) == 1 end
  if not st.watched then return end
  redis.call('XADD', key, 'MAXLEN', EVENTS_KEPT, '*', 'kind', kind, 'lease', lease, 'record', rec, 'expires', expiry)
  redis.call('PUBLISH', CHANNEL .. 'lock.event',
    '{"pattern":"lock.event","data":{"key":"' .. st.n .. '"}}')
end
