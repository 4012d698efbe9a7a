-- What a node knows of leases, sessions and waiting requests, written down where a new instance does not have it: it was granted,
-- answered and not lost. What stands in the data already stays as it is.
-- Leaves: Assertion.session(at), .lease(at), .ended(at), .wait(at): with the place of its first field; Assertion.late: the
--         instance was open before, so others may have been served since
-- @include parts/queue.lua
local Assertion = {}
local MOST_HOLDERS = 1000

local function keep_session(id, ttl, left, owner, metadata)
  local facts = prefix .. 'S:' .. id
  redis.call('HSETNX', facts, 'ttl', ttl)
  redis.call('HSETNX', facts, 'owner', owner)
  -- A node that only knows a lease of it does not know the metadata.
  if metadata ~= '-' then redis.call('HSET', facts, 'metadata', metadata) else redis.call('HSETNX', facts, 'metadata', '-') end
  redis.call('ZADD', prefix .. 'sessions', 'GT', now + left, id)
end

-- Fields: session id  ttl, ms  ms left  owner  metadata
function Assertion.session(at)
  keep_session(ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4])
end

-- What stands in the way of an exclusive lease, or of a lease beside one, and is older ended before that was granted: its end
-- is what was lost. Returns false when something newer stands there.
local function make_room(name, lease)
  if string.byte(name.id) ~= 108 or name.used + lease.weight <= name.limit then return true end
  local others = Name.holders(name, MOST_HOLDERS)
  for i = 1, #others, 2 do
    if Lease.parse(Name.record(name, others[i])).token + 0 > lease.token + 0 then return false end
  end
  for i = 1, #others, 2 do
    Lease.finish(name, others[i], Name.record(name, others[i]), 'expired', Lease.ends(Name.record(name, others[i]), others[i + 1]))
  end
  return true
end

local function hold(name, lease_id, record, session, ending)
  if session ~= '-' then
    Name.hold(name, lease_id, record, 'inf')
  else
    Name.hold(name, lease_id, record, int(ending))
    Name.look_by(name, ending)
  end
end

-- It stands in the data, but may end too soon: a renewal was lost, or the clock of this Redis is ahead.
local function prolong(name, lease_id, lease, ending)
  local record, at = Name.record(name, lease_id), Name.ending(name, lease_id)
  local known = Lease.parse(record)
  if Lease.is_told(known.state) and (at == 'inf' or at + 0 >= ending) then return end
  if Lease.is_told(known.state) and known.state ~= lease.state then lease.state = 'T:*' end
  hold(name, lease_id, Lease.format(lease), lease.session, ending)
end

-- Fields: name  lease id  ms left  record  limit  its wait id or '-'
function Assertion.lease(at)
  local name, lease_id, ending = Name.of(ARGV[at]), ARGV[at + 1], now + ARGV[at + 2]
  local lease = Lease.parse(ARGV[at + 3])
  if Name.outcome_of(name, lease_id) or Assertion.late and lease.token + 0 < name.token + 0 then return end
  if lease.session ~= '-' then keep_session(lease.session, lease.ttl, ARGV[at + 2], lease.owner, '-') end
  local wait = Wait.find(ARGV[at + 5])
  if wait then Wait.leave(wait, {}) end
  name.limit = name.limit or ARGV[at + 4] + 0
  if Name.record(name, lease_id) then
    prolong(name, lease_id, lease, ending)
  elseif make_room(name, lease) then
    hold(name, lease_id, ARGV[at + 3], lease.session, ending)
    name.used = name.used + lease.weight
    if lease.token + 0 > name.token + 0 then name.token = lease.token end
    if lease.session ~= '-' then redis.call('SADD', prefix .. 'L:' .. lease.session, name.id .. ' ' .. lease_id) end
  end
end

-- Fields: name  lease id. The node knows that it ended.
function Assertion.ended(at)
  local name, lease_id = Name.of(ARGV[at]), ARGV[at + 1]
  local record = Name.record(name, lease_id)
  if not record then return end
  Lease.finish(name, lease_id, record, 'released', Lease.ends(record, Name.ending(name, lease_id)))
  if name.waiting > 0 then Name.look_by(name, now) end
end

local function add_process(wait, process, deadline)
  local others = Absence.is(wait.processes) and '' or Process.without(wait.processes, process)
  wait.processes = others == '' and process or others .. ',' .. process
  wait.deadline = math.max(wait.deadline, deadline)
  Wait.keep(wait)
end

-- Fields: wait id  process id  ttl, ms  ms left  arrival  session or '-'  owner  metadata, then permits, limit of each name
function Assertion.wait(at)
  local id, process, names, weights = ARGV[at], ARGV[at + 1], {}, {}
  local wait = Wait.find(id)
  for i, each in ipairs(WaitId.names(id)) do
    local name = Name.of(each)
    names[i], weights[i] = name, ARGV[at + 6 + 2 * i] + 0
    if name.used == 0 and name.waiting == 0 and not name.configured then name.limit = ARGV[at + 7 + 2 * i] + 0 end
    -- It was served, or somebody else has to say first what the limit is.
    local lease_id = WaitId.lease(id)
    if Name.record(name, lease_id) or Name.outcome_of(name, lease_id) or (name.limit or 0) == 0 then return end
  end
  if wait then
    add_process(wait, process, now + ARGV[at + 3])
  else
    Wait.enqueue({
      id = id, weights = weights, ttl = ARGV[at + 2], deadline = now + ARGV[at + 3], processes = process,
      session = ARGV[at + 5], owner = ARGV[at + 6], metadata = ARGV[at + 7], arrival = ARGV[at + 4] + 0,
    }, names, #names)
  end
  redis.call('SADD', prefix .. 'n:' .. process, id)
  Process.hear(process, Process.LEASE_MS)
end
