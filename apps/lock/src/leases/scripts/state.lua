-- What is known of the names that a script touches: read once, changed here, written back by save().
--
-- Every key of a shard begins with KEYS[1]:
--   l:<name>      hash: token, used, limit, waiting, and one field a holder: lease id -> record
--   x:<name>      zset: lease id -> end of the lease, ms; +inf for a lease that lives as long as its session
--   q:<name>      zset: wait id -> arrival, microseconds; the queue
--   t:<name>      string: last token of an idle name, for KEEP_MS
--   s:<name> <lease id>   string: how a lease ended, for KEEP_MS: '1' released, '0' lost
--   e:<name>      stream: events, only while somebody watches the name
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

local states, touched = {}, {}

-- With a lease id its record is read along; with `history` also how it ended, should it have.
local function state(n, lease, history)
  local st = states[n]
  if st then return st end
  local f = redis.call('HMGET', P .. 'l:' .. n, 'token', 'used', 'limit', 'waiting', lease or 'token')
  local past = {}
  if history then
    past = redis.call('MGET', P .. 't:' .. n, P .. 's:' .. n .. ' ' .. lease)
  elseif not f[1] then
    past[1] = redis.call('GET', P .. 't:' .. n)
  end
  st = {
    n = n,
    token = tonumber(f[1] or past[1] or 0),
    ended = {},
    used = tonumber(f[2] or 0),
    limit = n:sub(1, 1) == 'l' and LOCK_PERMITS or tonumber(f[3] or nil),
    waiting = tonumber(f[4] or 0),
    fresh = not f[2],
    records = {},
    changed = false,
  }
  if lease then st.records[lease], st.ended[lease] = f[5], past[2] end
  states[n] = st
  touched[#touched + 1] = st
  return st
end

-- The record of a holder; false when there is none.
local function record(st, lease)
  if st.records[lease] == nil then st.records[lease] = redis.call('HGET', P .. 'l:' .. st.n, lease) end
  return st.records[lease]
end

local function parse(rec)
  local token, acquired, waited, ttl, weight, status, session, owner, metadata =
    rec:match('^(%d+) (%d+) (%d+) (%d+) (%d+) (%S+) (%S+) (%S+) (.*)$')
  return {
    token = token, acquired = acquired, waited = waited, ttl = tonumber(ttl), weight = tonumber(weight),
    state = status, session = session, owner = owner, metadata = metadata,
  }
end

local function format(r)
  return table.concat({ r.token, r.acquired, r.waited, string.format('%d', r.ttl), string.format('%d', r.weight),
    r.state, r.session, r.owner, r.metadata }, ' ')
end

local function put(st, lease, rec)
  st.records[lease] = rec
  st.written = st.written or {}
  st.written[lease] = true
  st.changed = true
end

local function save()
  for _, st in ipairs(touched) do
    if st.changed then
      st.changed = false
      local key = P .. 'l:' .. st.n
      if st.used == 0 and st.waiting == 0 then
        redis.call('DEL', key)
        if st.token > 0 then redis.call('SET', P .. 't:' .. st.n, string.format('%.0f', st.token), 'PX', KEEP_MS) end
        redis.call('ZREM', P .. 'index', st.n)
        redis.call('ZREM', P .. 'due', st.n)
      else
        if st.fresh then
          redis.call('ZADD', P .. 'index', 0, st.n)
          if st.limit ~= LOCK_PERMITS then redis.call('PERSIST', key) end
        end
        local set = { 'token', st.token, 'used', st.used, 'waiting', st.waiting }
        if st.limit ~= LOCK_PERMITS then set[7], set[8] = 'limit', st.limit end
        local del = {}
        for lease in pairs(st.written or {}) do
          if st.records[lease] then
            set[#set + 1] = lease
            set[#set + 1] = st.records[lease]
          else
            del[#del + 1] = lease
          end
        end
        redis.call('HSET', key, unpack(set))
        if #del > 0 then redis.call('HDEL', key, unpack(del)) end
      end
    end
  end
end

-- The end of a lease: its own, or that of its session.
local function ends(r, score)
  if score == 'inf' or score == '+inf' then score = redis.call('ZSCORE', P .. 'sessions', r.session) end
  return tonumber(score or 0)
end

local function log(kind, st, lease, rec, expiry)
  local key = P .. 'e:' .. st.n
  if st.watched == nil then st.watched = redis.call('EXISTS', key) == 1 end
  if not st.watched then return end
  redis.call('XADD', key, 'MAXLEN', EVENTS_KEPT, '*', 'kind', kind, 'lease', lease, 'record', rec, 'expires', expiry)
  redis.call('PUBLISH', CHANNEL .. 'lock.event',
    '{"pattern":"lock.event","data":{"key":"' .. st.n .. '"}}')
end
