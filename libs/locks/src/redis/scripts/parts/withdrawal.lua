-- A process gives up a request that it held, because its client is gone or has waited long enough.
-- Leaves: Withdrawal.give_up(process, id, claim, may_return)
-- @include parts/queue.lua
local Withdrawal = {}

-- A lease that its client could not be told of: kept where the client may come back, otherwise freed.
local function give_back(name, lease_id, lease, may_return, freed)
  if may_return then
    local process = Absence.begin()
    local till = Process.alive_until(process)
    lease.state = 'P:' .. process
    Name.hold(name, lease_id, Lease.format(lease), int(till))
    Name.look_by(name, till)
  else
    Lease.drop(name, lease_id, lease.weight, lease.session)
    freed[#freed + 1] = name.id
  end
end

local function leave_queue(process, wait, may_return, freed)
  wait.processes = Process.without(wait.processes, process)
  redis.call('SREM', prefix .. 'n:' .. process, wait.id)
  if wait.processes == '' and may_return then
    wait.processes = Absence.begin()
    redis.call('SADD', prefix .. 'n:' .. wait.processes, wait.id)
  end
  if wait.processes == '' then Wait.leave(wait, freed) else Wait.keep(wait) end
end

local function give_lease_back(process, name, lease_id, claim, may_return, freed)
  local record = Name.record(name, lease_id)
  if not record then return end
  local lease = Lease.parse(record)
  if not Lease.is_told(lease.state) then
    local rest = Process.without(string.sub(lease.state, 3), process)
    if rest == '' then
      give_back(name, lease_id, lease, may_return, freed)
    else
      lease.state = 'P:' .. rest
      Name.hold(name, lease_id, Lease.format(lease), Name.ending(name, lease_id))
    end
  elseif lease.state == 'T:' .. claim then
    Event.log('released', name, record, now)
    -- One that did not wait has no place to keep.
    give_back(name, lease_id, lease, may_return and lease.waited ~= '0', freed)
  end
end

-- The request leaves its queues, or gives its leases back, unless another process holds it too. Where its client may come back
-- its place is kept for a while. A lease that its client was told of, by another claim, stays.
function Withdrawal.give_up(process, id, claim, may_return)
  redis.call('HDEL', prefix .. 'g:' .. process, id)
  local freed = {}
  local wait = Wait.find(id)
  if wait then
    leave_queue(process, wait, may_return, freed)
  else
    for _, each in ipairs(WaitId.names(id)) do
      give_lease_back(process, Name.of(each), WaitId.lease(id), claim, may_return, freed)
    end
  end
  Queue.promote(freed)
end
