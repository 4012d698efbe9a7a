-- What is known of the names that a script touches: read once, changed here, written back by Name.save().
--
-- Every key of a shard begins with KEYS[1]:
--   l:<name>      string, one of
--                 '- <token> <limit> <past>': idle, its last token; for KEEP_MS, or for good with a limit that was configured
--                 '<token> <limit> <waiting> <arrival> <past> <end> <lease id> <record>': it has one holder; how many
--                 wait, and the arrival of the last of them; an end is in ms, or inf for a lease that lives as long
--                 as its session
--                 '*': it has had several holders since it was idle, or has none and requests wait: see m:<name>
--                 <limit> ends in '!' when it was configured: then it stays, and what callers say does not count
--                 <past> is how its last lease ended: '<lease id> <outcome> <kept until, ms>', or '- - 0'
--   m:<name>      hash: token, used, limit, waiting, arrival, past, and one field a holder: lease id -> record
--   x:<name>      zset: lease id -> end of the lease, of the holders in m:<name>
--   q:<name>      zset: wait id -> arrival, microseconds; the queue
--   s:<name> <lease id>   string: how a lease before the last one ended, for KEEP_MS: '1' released, '0' lost
--   e:<name>      stream: events, only while somebody watches the name; watching: exists while anybody watches any
--   w             hash: wait id -> record of a waiting request: ttl deadline permits,... runs session owner metadata
--   o:<owner>     set: wait ids of an owner
--   pulse         string: '<ms> <away>': when a node was heard last, and how long Redis was away, ms (see queue.lua)
--   nodes         zset: node run -> alive until, ms      n:<run>  set: its wait ids      g:<run>  hash: wait id -> outcome
--   sessions      zset: session id -> end, ms            S:<id>  hash: its facts
--   L:<id>        set: the leases of a session, '<name> <lease id>'            A:<id>   set: wait ids of what it awaits
--   V:<id>        zset: leases that were taken away from it, '<name> <token>' -> when, ms
--   index, due    zsets of names: held or awaited ones; a lower bound of the next end of a lease, ms
--   audit         stream: forced releases
-- A record is: weight state session token acquiredAt waitedMs ttlMs owner metadata, separated by blanks.
-- State T:<claim> is a lease that was taken up, P:<run>,<run> one that waits to be taken up by a node, P:@<ms> one that
-- waits for its caller to come back: to others that is a free name with somebody in the queue.
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
local states, touched, recalled, texts, ended = {}, {}, {}, {}, {}

-- A whole number in digits. Operations of one script share most of theirs: the time, lengths, weights.
local function int(number)
  local text = texts[number]
  if not text then
    text = string.format('%.0f', number)
    texts[number] = text
  end
  return text
end

-- Reads what is kept under several keys: that costs hardly more than reading one.
function Name.recall(keys)
  local values = redis.call('MGET', unpack(keys))
  for i, key in ipairs(keys) do recalled[key] = values[i] end
end

function Name.kept(key)
  local value = recalled[key]
  if value == nil then
    value = redis.call('GET', key)
    recalled[key] = value
  end
  return value
end

-- With a lease id its record is read along.
function Name.of(n, lease)
  local st = states[n]
  if st then return st end
  local key = P .. 'l:' .. n
  st = {
    n = n, key = key, token = 0, used = 0, waiting = 0, arrival = 0, records = {}, changed = false,
    limit = n:sub(1, 1) == 'l' and LOCK_PERMITS or nil,
  }
  states[n] = st
  touched[#touched + 1] = st
  local text = Name.kept(key)
  if not text then return st end
  if text == '*' then
    Name.read_several(st, lease)
    return st
  end
  if text:sub(1, 1) == '-' then
    local token, limit, past, outcome, till = text:match('^%- (%d+) (%S+) (%S+) (%S+) (%d+)$')
    st.token, st.remembered = tonumber(token), true
    if limit ~= '0' then Name.read_limit(st, limit) end
    st.past, st.past_outcome, st.past_till = past, outcome, tonumber(till)
    return st
  end
  local token, limit, waiting, arrival, past, outcome, till, at, holder, rec, weight =
    text:match('^(%d+) (%S+) (%d+) (%d+) (%S+) (%S+) (%d+) (%S+) (%S+) ((%d+) .*)$')
  st.stored, st.token = 'text', tonumber(token)
  Name.read_limit(st, limit)
  st.waiting, st.arrival, st.used = tonumber(waiting), tonumber(arrival), tonumber(weight)
  st.past, st.past_outcome, st.past_till = past, outcome, tonumber(till)
  st.sole, st.sole_end = holder, at
  st.records[holder] = rec
  -- `due` has an earlier moment for the name, or this one.
  if at ~= 'inf' then st.look_at = tonumber(at) end
  return st
end

function Name.read_limit(st, text)
  st.configured = text:sub(-1) == '!'
  st.limit = tonumber(st.configured and text:sub(1, -2) or text)
end

function Name.limit_of(st)
  return st.configured and int(st.limit) .. '!' or int(st.limit)
end

function Name.read_several(st, lease)
  local f = redis.call('HMGET', P .. 'm:' .. st.n, 'token', 'used', 'limit', 'waiting', 'arrival', 'past', lease or 'token')
  st.stored, st.token, st.used = 'hash', tonumber(f[1]), tonumber(f[2])
  st.waiting, st.arrival = tonumber(f[4]), tonumber(f[5])
  Name.read_limit(st, f[3])
  local past, outcome, till = f[6]:match('^(%S+) (%S+) (%d+)$')
  st.past, st.past_outcome, st.past_till = past, outcome, tonumber(till)
  st.several = st.used > 0
  if lease then st.records[lease] = f[7] end
end

-- The record of a holder; false when there is none.
function Name.record(st, lease)
  local rec = st.records[lease]
  if rec == nil then
    rec = st.stored == 'hash' and redis.call('HGET', P .. 'm:' .. st.n, lease)
    st.records[lease] = rec
  end
  return rec
end

function Lease.parse(rec)
  local weight, status, session, token, acquired, waited, ttl, owner, metadata =
    rec:match('^(%d+) (%S+) (%S+) (%d+) (%d+) (%d+) (%d+) (%S+) (.*)$')
  return {
    token = token, acquired = acquired, waited = waited, ttl = tonumber(ttl), weight = tonumber(weight),
    state = status, session = session, owner = owner, metadata = metadata,
  }
end

function Lease.format(r)
  return int(r.weight) .. ' ' .. r.state .. ' ' .. r.session .. ' ' .. r.token .. ' ' .. r.acquired .. ' ' .. r.waited ..
    ' ' .. int(r.ttl) .. ' ' .. r.owner .. ' ' .. r.metadata
end

function Name.put(st, lease, rec)
  st.records[lease] = rec
  st.changed = true
  if st.stored == 'hash' then
    st.written = st.written or {}
    st.written[lease] = true
  end
end

-- Remembers how a lease ended: the last one with its name, those before it by themselves.
function Name.remember(st, lease, outcome)
  if st.past_till and st.past_till > now then
    local key = P .. 's:' .. st.n .. ' ' .. st.past
    recalled[key] = st.past_outcome
    ended[#ended + 1] = { key = key, outcome = st.past_outcome, till = st.past_till }
  end
  st.past, st.past_outcome, st.past_till = lease, outcome, now + KEEP_MS
  st.changed = true
end

-- How a lease ended: '1' released, '0' lost; false when nobody knows it.
function Name.outcome_of(st, lease)
  if st.past == lease and st.past_till > now then return st.past_outcome end
  return Name.kept(P .. 's:' .. st.n .. ' ' .. lease)
end

-- Has a name looked at by then, at the latest, ms.
function Name.look_by(st, at)
  if not st.look_at or at < st.look_at then st.look_at, st.due = at, at end
end

function Name.past_of(st)
  if not st.past_till or st.past_till <= now then return '- - 0' end
  return st.past .. ' ' .. st.past_outcome .. ' ' .. int(st.past_till)
end

function Name.save_several(st)
  local key = P .. 'm:' .. st.n
  local set, del = {
    'token', int(st.token), 'used', int(st.used), 'limit', Name.limit_of(st), 'waiting', int(st.waiting),
    'arrival', int(st.arrival), 'past', Name.past_of(st),
  }, {}
  -- All records of a name that was no hash, else those that changed.
  for lease in pairs(st.stored == 'hash' and (st.written or {}) or st.records) do
    if st.records[lease] then
      set[#set + 1] = lease
      set[#set + 1] = st.records[lease]
    elseif st.stored == 'hash' then
      del[#del + 1] = lease
    end
  end
  redis.call('HSET', key, unpack(set))
  if #del > 0 then redis.call('HDEL', key, unpack(del)) end
end

-- Keeps an idle name: its last token for a while, its limit for as long as that is configured.
function Name.save_idle(st)
  if st.configured then
    redis.call('SET', st.key, '- ' .. int(st.token) .. ' ' .. Name.limit_of(st) .. ' ' .. Name.past_of(st))
  elseif st.token > 0 then
    redis.call('SET', st.key, '- ' .. int(st.token) .. ' 0 ' .. Name.past_of(st), 'PX', KEEP_MS)
  end
end

function Name.save()
  local idle, gone, begun, due, set = {}, {}, {}, {}, {}
  for _, st in ipairs(touched) do
    st.idle = st.changed and st.used == 0 and st.waiting == 0
    if st.idle then idle[#idle + 1] = st.n end
    if st.changed and st.stored == 'hash' and (st.idle or st.sole) then gone[#gone + 1] = P .. 'm:' .. st.n end
    -- One that was never held, and is not configured: there is nothing to remember.
    if st.idle and st.token == 0 and not st.configured and (st.stored or st.remembered) then gone[#gone + 1] = st.key end
  end
  if #idle > 0 then
    redis.call('ZREM', P .. 'index', unpack(idle))
    redis.call('ZREM', P .. 'due', unpack(idle))
  end
  if #gone > 0 then redis.call('DEL', unpack(gone)) end
  for _, each in ipairs(ended) do redis.call('SET', each.key, each.outcome, 'PXAT', int(each.till)) end
  for _, st in ipairs(touched) do
    if st.idle then
      Name.save_idle(st)
      st.stored = nil
    elseif st.changed then
      if not st.stored then begun[#begun + 1], begun[#begun + 2] = 0, st.n end
      local before = st.stored
      if st.sole then
        set[#set + 1] = st.key
        set[#set + 1] = int(st.token) .. ' ' .. Name.limit_of(st) .. ' ' .. int(st.waiting) .. ' ' .. int(st.arrival) .. ' ' ..
          Name.past_of(st) .. ' ' .. st.sole_end .. ' ' .. st.sole .. ' ' .. st.records[st.sole]
        st.stored = 'text'
      else
        Name.save_several(st)
        if before ~= 'hash' then set[#set + 1], set[#set + 2] = st.key, '*' end
        st.stored = 'hash'
      end
    end
    if st.due and not st.idle then due[#due + 1], due[#due + 2] = int(st.due), st.n end
    st.changed, st.written, st.due, st.look_at = false, nil, nil, nil
  end
  if #set > 0 then redis.call('MSET', unpack(set)) end
  if #begun > 0 then redis.call('ZADD', P .. 'index', unpack(begun)) end
  if #due > 0 then redis.call('ZADD', P .. 'due', 'LT', unpack(due)) end
  ended = {}
end

-- The end of a lease: its own, or that of its session.
function Lease.ends(r, at)
  if at == 'inf' then at = redis.call('ZSCORE', P .. 'sessions', r.session) end
  return tonumber(at or 0)
end

function Name.log(kind, st, rec, expiry)
  -- Whether somebody watches names of this shard.
  if not Name.kept(P .. 'watching') then return end
  local key = P .. 'e:' .. st.n
  if st.watched == nil then st.watched = redis.call('EXISTS', key) == 1 end
  if not st.watched then return end
  redis.call('XADD', key, 'MAXLEN', EVENTS_KEPT, '*', 'kind', kind, 'record', rec, 'expires', expiry)
  redis.call('PUBLISH', CHANNEL .. 'lock.event',
    '{"pattern":"lock.event","data":{"key":"' .. st.n .. '"}}')
end
