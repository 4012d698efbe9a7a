-- Takes leases of one or several names for one caller, all or none; waits for them when it may.
-- KEYS 1 prefix of the shard (see state.lua)
-- ARGV 1 channel prefix  2 lease id  3 '1': nobody knows the lease id yet  4 ttl, ms  5 wait, ms
--      6 owner  7 metadata  8 session or '-'  9 run of the node  10 claim of this request  11 wait id
--      12... name, permits, limit (0: not given), again for each name
-- Returns {'granted', record, end, ...}  {'waiting', next end of a lease or -1, now}  {'spent'}  {'session'}
--         {'limit', limit}  {'no-limit'}  {'over', limit}
--         {'held', waiters, {name, lease id, record, end, ...}}
-- Invariants: incompatible leases never overlap; tokens rise; nobody overtakes a waiting request; the same
--             lease id again is the same grant, and a waiting one keeps its place.
-- @include queue.lua
local lease, fresh, ttl, wait_ms = ARGV[2], ARGV[3] == '1', tonumber(ARGV[4]), tonumber(ARGV[5])
local owner, metadata, session, run, claim, id = ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10], ARGV[11]
local MOST_SHOWN = 100

local items, busy, mine = {}, false, false
for i = 12, #ARGV, 3 do
  local item = { st = state(ARGV[i], lease, not fresh), weight = tonumber(ARGV[i + 1]), limit = tonumber(ARGV[i + 2]) }
  items[#items + 1] = item
  local st = item.st
  if st.waiting > 0 or st.used + item.weight > (st.limit or LOCK_PERMITS) then busy = true end
  if not fresh and record(st, lease) then mine = true end
end

if busy or mine then
  for _, item in ipairs(items) do
    local st = item.st
    expire(st)
    -- With all permits taken nobody can be served; one that will wait itself need not tidy up the queue.
    if st.waiting > 0 and (wait_ms == 0 or st.used < (st.limit or LOCK_PERMITS)) then promote({ st.n }) end
  end
end

local function granted()
  local reply = { 'granted' }
  for _, item in ipairs(items) do
    local r, expiry = holding(item.st, lease)
    tell(item.st, lease, r, claim)
    reply[#reply + 1] = item.st.records[lease]
    reply[#reply + 1] = ends(r, redis.call('ZSCORE', P .. 'x:' .. item.st.n, lease))
  end
  return reply
end

local function known()
  local held = 0
  for _, item in ipairs(items) do
    if holding(item.st, lease) then held = held + 1
    elseif item.st.ended[lease] then return { 'spent' } end
  end
  if held == #items then return granted() end
  if held > 0 then return { 'spent' } end
end

local function next_end()
  local soonest = -1
  for _, item in ipairs(items) do
    local first, at = first_end(item.st)
    if at == 'inf' then at = ends(parse(record(item.st, first)), at) end
    at = tonumber(at)
    if at and (soonest < 0 or at < soonest) then soonest = at end
  end
  return string.format('%d', soonest)
end

local function held()
  local waiters, shown = 0, {}
  for _, item in ipairs(items) do
    local st = item.st
    waiters = waiters + st.waiting
    local leases = redis.call('ZRANGE', P .. 'x:' .. st.n, 0, MOST_SHOWN - 1, 'WITHSCORES')
    for i = 1, #leases, 2 do
      local rec = record(st, leases[i])
      shown[#shown + 1] = st.n
      shown[#shown + 1] = leases[i]
      shown[#shown + 1] = rec
      shown[#shown + 1] = string.format('%d', ends(parse(rec), leases[i + 1]))
    end
  end
  return { 'held', waiters, shown }
end

local function enqueue()
  local arrival = micros
  local w = {
    owner = owner, metadata = metadata, session = session, runs = run, ttl = ttl, deadline = now + wait_ms,
    items = {},
  }
  for i, item in ipairs(items) do
    w.items[2 * i - 1], w.items[2 * i] = item.st.n, item.weight
    if item.st.waiting > 0 then
      local last = redis.call('ZRANGE', P .. 'q:' .. item.st.n, -1, -1, 'WITHSCORES')[2]
      arrival = math.max(arrival, tonumber(last or 0) + 1)
    end
  end
  for _, item in ipairs(items) do
    redis.call('ZADD', P .. 'q:' .. item.st.n, arrival, id)
    item.st.waiting = item.st.waiting + 1
    item.st.changed = true
  end
  keep_wait(id, w)
  redis.call('SADD', P .. 'o:' .. owner, id)
  if session ~= '-' then redis.call('SADD', P .. 'L:' .. session, id) end
end

local function wait_here()
  redis.call('SADD', P .. 'n:' .. run, id)
  local until_ms = tonumber(redis.call('ZSCORE', P .. 'nodes', run) or '0')
  if until_ms < now + NODE_LEASE_MS / 2 then redis.call('ZADD', P .. 'nodes', now + NODE_LEASE_MS, run) end
  return { 'waiting', next_end(), string.format('%d', now) }
end

local function acquire()
  if not fresh then
    local reply = known()
    if reply then return reply end
  end
  if session ~= '-' then
    if tonumber(redis.call('ZSCORE', P .. 'sessions', session) or '0') <= now then return { 'session' } end
    ttl = tonumber(redis.call('HGET', P .. 'S:' .. session, 'ttl'))
  end

  local free = true
  for _, item in ipairs(items) do
    local st = item.st
    if item.limit > 0 and st.limit and st.limit ~= item.limit then return { 'limit', st.limit } end
    local limit = st.limit or item.limit
    if limit == 0 then return { 'no-limit' } end
    if item.weight > limit then return { 'over', limit } end
    if st.waiting > 0 or st.used + item.weight > limit then free = false end
  end

  local w = not fresh and items[1].st.waiting > 0 and wait(id)
  if w and wait_ms > 0 then
    w.runs = without(w.runs, run)
    w.runs = w.runs == '' and run or w.runs .. ',' .. run
    w.deadline = math.max(w.deadline, now + wait_ms)
    keep_wait(id, w)
    return wait_here()
  end
  if not free and wait_ms == 0 then return held() end

  for _, item in ipairs(items) do item.st.limit = item.st.limit or item.limit end
  if not free then
    enqueue()
    return wait_here()
  end

  local reply = { 'granted' }
  local expiry = session ~= '-' and '+inf' or now + ttl
  for _, item in ipairs(items) do
    local st = item.st
    local r = {
      waited = '0', ttl = ttl, weight = item.weight, state = 'T:' .. claim, session = session, owner = owner,
      metadata = metadata,
    }
    grant(st, lease, r, expiry)
    log('acquired', st, lease, st.records[lease], ends(r, expiry))
    reply[#reply + 1] = st.records[lease]
    reply[#reply + 1] = string.format('%d', ends(r, expiry))
  end
  return reply
end

local reply = acquire()
save()
return reply
