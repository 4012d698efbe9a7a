-- Takes leases of one or several names for one caller, all or none; waits for them when it may.
-- KEYS, and ARGV around these fields, as in operate.lua.
-- Fields: lease id  '1': nobody knows the lease id yet  ttl, ms  wait, ms  owner  metadata  session or '-'
--         claim of this request, then name, permits, limit (0: not given), again for each name
-- Answers {'granted', record, end, limit, ...}  {'waiting', next end of a lease or -1, now}  {'spent'}  {'session'}
--         {'limit', limit}  {'no-limit'}  {'over', limit}
--         {'held', waiters, {name, record, end, ...}}  {'mismatch'}: the lease id is of another request
--         {'full'}: it needs memory that a full Redis has not
-- Invariants: incompatible leases never overlap; tokens rise; nobody overtakes a waiting request; the same
--             lease id again is the same grant, and a waiting one keeps its place.
-- @include queue.lua
local MOST_SHOWN = 10

-- Place of the first name, after the first field.
local FIRST_NAME = 8

local function keys_of_acquire(first, last, keys)
  for i = first + FIRST_NAME, last, 3 do
    local n = ARGV[i]
    keys[#keys + 1] = P .. 'l:' .. n
    if ARGV[first + 1] == '0' then keys[#keys + 1] = P .. 's:' .. n .. ' ' .. ARGV[first] end
  end
end

local function read_acquire(first, last)
  local a = {
    lease = ARGV[first], fresh = ARGV[first + 1] == '1', ttl = tonumber(ARGV[first + 2]),
    wait_ms = tonumber(ARGV[first + 3]), owner = ARGV[first + 4], metadata = ARGV[first + 5],
    session = ARGV[first + 6], claim = ARGV[first + 7], items = {},
  }
  for i = first + FIRST_NAME, last, 3 do
    a.items[#a.items + 1] = {
      n = ARGV[i], weight = tonumber(ARGV[i + 1]), limit = tonumber(ARGV[i + 2]), st = Name.of(ARGV[i], a.lease),
    }
  end
  return a
end

local function granted(a)
  local reply = { 'granted' }
  for _, item in ipairs(a.items) do
    local r = Lease.holding(item.st, a.lease)
    Lease.tell(item.st, a.lease, r, a.claim)
    Lease.answer(reply, item.st, a.lease, Lease.ends(r, Lease.end_of(item.st, a.lease)))
  end
  return reply
end

-- What a lease id came to that was used before; nil when it was not.
local function known(a)
  local held = 0
  for _, item in ipairs(a.items) do
    local r = Lease.holding(item.st, a.lease)
    if r then
      if r.owner ~= a.owner or r.weight ~= item.weight then return { 'mismatch' } end
      held = held + 1
    elseif Name.outcome_of(item.st, a.lease) then return { 'spent' } end
  end
  if held == #a.items then return granted(a) end
  if held > 0 then return { 'spent' } end
end

local function next_end(items)
  local soonest = -1
  for _, item in ipairs(items) do
    local first, at = Lease.first(item.st)
    if at == 'inf' then at = Lease.ends(Lease.parse(Name.record(item.st, first)), at) end
    at = tonumber(at)
    if at and (soonest < 0 or at < soonest) then soonest = at end
  end
  return int(soonest)
end

local function held(items)
  local waiters, shown = 0, {}
  for _, item in ipairs(items) do
    local st = item.st
    waiters = waiters + st.waiting
    local left = MOST_SHOWN - #shown / 3
    local leases = left > 0 and Lease.list(st, left) or {}
    for i = 1, #leases, 2 do
      local r = Lease.parse(Name.record(st, leases[i]))
      if not Lease.is_reserved(r) then
        r.metadata = '-'
        shown[#shown + 1] = st.n
        shown[#shown + 1] = Lease.format(r)
        shown[#shown + 1] = int(Lease.ends(r, leases[i + 1]))
      end
    end
  end
  return { 'held', waiters, shown }
end

local function wait_id(a)
  local names = {}
  for i, item in ipairs(a.items) do names[i] = item.n end
  return a.lease .. '/' .. table.concat(names, ',')
end

-- Puts a request at the end of its queues.
local function enqueue(a, id)
  local arrival = micros
  for _, item in ipairs(a.items) do
    if item.st.waiting > 0 then arrival = math.max(arrival, item.st.arrival + 1) end
  end
  for _, item in ipairs(a.items) do
    local st = item.st
    redis.call('ZADD', P .. 'q:' .. item.n, int(arrival), id)
    st.waiting, st.arrival, st.changed = st.waiting + 1, arrival, true
    st.limit = st.limit or item.limit
  end
  local w = {
    owner = a.owner, metadata = a.metadata, session = a.session, runs = RUN, ttl = a.ttl,
    deadline = now + a.wait_ms, items = {},
  }
  for i, item in ipairs(a.items) do w.items[2 * i - 1], w.items[2 * i] = item.n, item.weight end
  Wait.keep(id, w)
  redis.call('SADD', P .. 'o:' .. a.owner, id)
  if a.session ~= '-' then redis.call('SADD', P .. 'A:' .. a.session, id) end
end

-- A waiting request was sent again, perhaps through another node: it keeps its place. False: it is another's.
local function enqueue_again(a, id, w)
  if w.owner ~= a.owner then return false end
  for i, item in ipairs(a.items) do
    if w.items[2 * i] ~= item.weight then return false end
  end
  local runs = { RUN }
  for run in Wait.runs(w.runs) do
    -- Its caller is back.
    if Wait.is_absence(run) then redis.call('SREM', P .. 'n:' .. run, id)
    elseif run ~= RUN then runs[#runs + 1] = run end
  end
  w.runs = table.concat(runs, ',')
  w.deadline = math.max(w.deadline, now + a.wait_ms)
  Wait.keep(id, w)
  return true
end

local function wait_here(a, id)
  redis.call('SADD', P .. 'n:' .. RUN, id)
  if Wait.life_of(RUN) < Wait.clock() + NODE_LEASE_MS / 2 then Wait.hear(RUN, NODE_LEASE_MS) end
  return { 'waiting', next_end(a.items), int(now) }
end

-- A name is brought up to date first where that can make a difference.
local function tidy(a)
  local busy, mine = false, false
  for _, item in ipairs(a.items) do
    local st = item.st
    if st.waiting > 0 or st.used + item.weight > (st.limit or LOCK_PERMITS) then busy = true end
    if not a.fresh and Name.record(st, a.lease) then mine = true end
  end
  if not busy and not mine then return end
  for _, item in ipairs(a.items) do
    local st = item.st
    Lease.expire(st)
    -- With all permits taken nobody can be served; one that will wait itself need not tidy up the queue.
    if st.waiting > 0 and (a.wait_ms == 0 or st.used < (st.limit or LOCK_PERMITS)) then Wait.promote({ st.n }) end
  end
end

local function acquire(first, last)
  local a = read_acquire(first, last)
  tidy(a)
  if not a.fresh then
    local reply = known(a)
    if reply then return reply end
  end
  if a.session ~= '-' then
    if tonumber(redis.call('ZSCORE', P .. 'sessions', a.session) or '0') <= now then return { 'session' } end
    a.ttl = tonumber(redis.call('HGET', P .. 'S:' .. a.session, 'ttl'))
  end

  local free = true
  for _, item in ipairs(a.items) do
    local st = item.st
    if item.limit > 0 and st.limit and st.limit ~= item.limit and not st.configured then return { 'limit', st.limit } end
    local limit = st.limit or item.limit
    if limit == 0 then return { 'no-limit' } end
    if item.weight > limit then return { 'over', limit } end
    if st.waiting > 0 or st.used + item.weight > limit then free = false end
  end

  if not free then
    if a.wait_ms == 0 then return held(a.items) end
    local id = wait_id(a)
    local w = not a.fresh and Wait.find(id)
    if w then
      if not enqueue_again(a, id, w) then return { 'mismatch' } end
    elseif FULL then return { 'full' }
    else enqueue(a, id) end
    return wait_here(a, id)
  end
  if FULL then return { 'full' } end

  local reply = { 'granted' }
  local expiry = a.session ~= '-' and 'inf' or now + a.ttl
  for _, item in ipairs(a.items) do
    local st = item.st
    st.limit = st.limit or item.limit
    local r = {
      waited = '0', ttl = a.ttl, weight = item.weight, state = 'T:' .. a.claim, session = a.session, owner = a.owner,
      metadata = a.metadata,
    }
    Lease.grant(st, a.lease, r, expiry)
    local at = Lease.ends(r, expiry)
    Name.log('acquired', st, st.records[a.lease], at)
    Lease.answer(reply, st, a.lease, at)
  end
  return reply
end
