-- Takes leases of one or several names for one client, all or none; waits for them when it may.
-- Fields: lease id  '1': nobody knows the lease id yet  ttl, ms  wait, ms  owner  metadata  session or '-'
--         claim of this request, then name, permits, limit (0: not given), again for each name
-- Answers 'granted', record, end, limit, ...;  'waiting', next end of a lease or -1, now, arrival;  'spent';  'session';
--         'limit', limit;  'no-limit';  'over', limit;
--         'held', waiters, then name, record, end of some holders;  'mismatch': the lease id is of another request;
--         'full': it needs memory that a full Redis has not;  'quota': its tenant holds as many names as it may
-- Invariants: incompatible leases never overlap; tokens rise; nobody overtakes a waiting request; the same
--             lease id again is the same grant, and a waiting one keeps its place.
-- Leaves: Acquire.run(first, last): with the places of its first and its last field; Acquire.full: Redis is
--         Acquire.run_within(first, last): the same for a tenant that may hold so many names; that number is the first field
-- @include parts/queue.lua
local Acquire = {}
local MOST_HOLDERS_SHOWN = 10

-- The request under way: Acquire.run sets all of this.
local lease_id, is_new, ttl, wait_ms, owner, metadata, session, claim
-- Most names that its tenant may hold here; nil: it has no such quota.
local most_names
-- What it asks for: `count` names, of each its permits, as text and as a number, and the limit that its caller knows or 0.
local count
local wanted, permits, weights, limits = {}, {}, {}, {}

-- Returns whether it can make a difference that the names are brought up to date.
local function read(first, last)
  local args, stale = ARGV, false
  lease_id, is_new, ttl, wait_ms = args[first], args[first + 1] == '1', args[first + 2], args[first + 3] + 0
  owner, metadata, session, claim = args[first + 4], args[first + 5], args[first + 6], args[first + 7]
  count = 0
  for at = first + 8, last, 3 do
    local name, weight, limit = Name.of(args[at]), args[at + 1] + 0, args[at + 2] + 0
    count = count + 1
    wanted[count], permits[count], weights[count], limits[count] = name, args[at + 1], weight, limit
    if name.waiting > 0 then
      stale = true
    elseif name.used > 0 then
      stale = stale or name.used + weight > name.limit or limit ~= name.limit or not is_new and Name.record(name, lease_id)
    end
  end
  return stale
end

local function tidy()
  for i = 1, count do
    local name = wanted[i]
    Lease.expire(name)
    -- With all permits taken nobody can be served; one that will wait itself need not tidy up the queue.
    if name.waiting > 0 and (wait_ms == 0 or name.used < name.limit) then Queue.promote({ name.id }) end
  end
end

-- Answers for a lease id that was used before. False: it was not.
local function answer_again()
  local held, records = 0, nil
  for i = 1, count do
    local record = Lease.holding(wanted[i], lease_id)
    if record then
      local lease = Lease.parse(record)
      if lease.owner ~= owner or lease.weight ~= permits[i] then return true, answer('mismatch') end
      held, records = held + 1, records or {}
      records[i] = record
    elseif Name.outcome_of(wanted[i], lease_id) then
      return true, answer('spent')
    end
  end
  if held == 0 then return false end
  if held < count then return true, answer('spent') end
  answer('granted')
  for i = 1, count do Lease.tell(wanted[i], lease_id, records[i], claim) end
  return true
end

local function next_end()
  local soonest = -1
  for i = 1, count do
    local first, at = Lease.first(wanted[i])
    if first then
      at = Lease.ends(Name.record(wanted[i], first), at)
      if soonest < 0 or at < soonest then soonest = at end
    end
  end
  return int(soonest)
end

local function refuse()
  local waiters, shown = 0, 0
  for i = 1, count do waiters = waiters + wanted[i].waiting end
  answer('held', waiters)
  for i = 1, count do
    local name = wanted[i]
    local left = MOST_HOLDERS_SHOWN - shown
    local leases = left > 0 and Name.holders(name, left) or {}
    for k = 1, #leases, 2 do
      local record = Name.record(name, leases[k])
      local lease = Lease.parse(record)
      if not Lease.is_reserved(lease.state) then
        lease.metadata = '-'
        answer(name.id, Lease.format(lease), Lease.ends(record, leases[k + 1]))
        shown = shown + 1
      end
    end
  end
end

local function enqueue(wait_id)
  return Wait.enqueue({
    id = wait_id, weights = { unpack(weights, 1, count) }, ttl = ttl, deadline = now + wait_ms, processes = ARGV[1],
    session = session, owner = owner, metadata = metadata,
  }, wanted, count)
end

-- A waiting request was sent again, perhaps through another node: it keeps its place. False: it is another's.
local function enqueue_again(wait)
  if wait.owner ~= owner then return false end
  for i = 1, count do
    if wait.weights[i] ~= weights[i] then return false end
  end
  local processes = { ARGV[1] }
  for process in Process.each(wait.processes) do
    -- Its client is back.
    if Absence.is(process) then redis.call('SREM', prefix .. 'n:' .. process, wait.id)
    elseif process ~= ARGV[1] then processes[#processes + 1] = process end
  end
  wait.processes = table.concat(processes, ',')
  wait.deadline = math.max(wait.deadline, now + wait_ms)
  Wait.keep(wait)
  return true
end

local function wait_in_queue()
  local ids = {}
  for i = 1, count do ids[i] = wanted[i].id end
  local wait_id = WaitId.of(lease_id, ids)
  local wait = not is_new and Wait.find(wait_id)
  local arrival
  if wait then
    if not enqueue_again(wait) then return answer('mismatch') end
    arrival = redis.call('ZSCORE', prefix .. 'q:' .. ids[1], wait_id)
  elseif Acquire.full then
    return answer('full')
  else
    arrival = enqueue(wait_id)
  end
  redis.call('SADD', prefix .. 'n:' .. ARGV[1], wait_id)
  if Process.life_of(ARGV[1]) < Process.clock() + Process.LEASE_MS / 2 then Process.hear(ARGV[1], Process.LEASE_MS) end
  answer('waiting', next_end())
  answer(int(now), arrival)
end

local function grant()
  answer('granted')
  local ending = session ~= '-' and 'inf' or now + ttl
  for i = 1, count do
    local name = wanted[i]
    local record, at = Lease.grant(name, lease_id, permits[i], ending, 'T:', claim, session, '0', ttl, owner, metadata)
    Event.log('acquired', name, record, at)
    answer(record, at, name.limit)
  end
end

-- Whether its tenant would hold more names than it may.
local function is_beyond_quota()
  local more = 0
  for i = 1, count do
    local name = wanted[i]
    if name.used == 0 and name.waiting == 0 then more = more + 1 end
  end
  return more > 0 and Name.in_use(string.match(wanted[1].id, '^./(~[^~]+~)')) + more > most_names
end

local function run(first, last)
  if read(first, last) then tidy() end
  if not is_new then
    if answer_again() then return end
  end
  if session ~= '-' then
    if (redis.call('ZSCORE', prefix .. 'sessions', session) or 0) + 0 <= now then return answer('session') end
    ttl = redis.call('HGET', prefix .. 'S:' .. session, 'ttl')
  end
  local free = true
  for i = 1, count do
    local name, weight, asked = wanted[i], weights[i], limits[i]
    -- What callers say counts, once nobody uses the name and none is configured.
    if name.used == 0 and name.waiting == 0 and not name.configured then name.limit = asked end
    local limit = name.limit
    if asked ~= limit and asked > 0 and not name.configured then return answer('limit', limit) end
    if limit == 0 then return answer('no-limit') end
    if weight > limit then return answer('over', limit) end
    if name.waiting > 0 or name.used + weight > limit then free = false end
  end
  if most_names and is_beyond_quota() then return answer('quota') end
  if not free then
    if wait_ms == 0 then refuse() else wait_in_queue() end
  elseif Acquire.full then
    answer('full')
  else
    grant()
  end
end

function Acquire.run(first, last)
  most_names = nil
  return run(first, last)
end

function Acquire.run_within(first, last)
  most_names = ARGV[first] + 0
  return run(first + 1, last)
end
