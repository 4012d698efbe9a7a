-- What there is to see of a name: who holds it and who waits for it now, not who may come back.
-- Leaves: Description.of(id, most): {name, token, permits in use, limit, {record, end, ...}, {owner, permits, since, ...}}
-- @include parts/queue.lua
local Description = {}

local function describe_holders(name, most)
  local holders, reserved = {}, 0
  local leases, ids = Name.holders(name, most), {}
  for i = 1, #leases, 2 do ids[#ids + 1] = leases[i] end
  Name.read_records(name, ids)
  for i = 1, #leases, 2 do
    local record = Name.record(name, leases[i])
    local lease = Lease.parse(record)
    if Lease.is_reserved(lease.state) then
      reserved = reserved + lease.weight
    else
      holders[#holders + 1] = record
      holders[#holders + 1] = Lease.ends(record, leases[i + 1])
    end
  end
  return holders, reserved
end

local function describe_waiters(name, most)
  local waiters = {}
  if name.waiting == 0 then return waiters end
  local queue = redis.call('ZRANGE', prefix .. 'q:' .. name.id, 0, most - 1, 'WITHSCORES')
  for i = 1, #queue, 2 do
    local wait = Wait.find(queue[i])
    for k = 1, Absence.is(wait.processes) and 0 or #wait.names do
      if wait.names[k] == name.id then
        waiters[#waiters + 1] = wait.owner
        waiters[#waiters + 1] = wait.weights[k]
        waiters[#waiters + 1] = math.floor(queue[i + 1] / 1000)
      end
    end
  end
  return waiters
end

function Description.of(id, most)
  Queue.touch(id)
  local name = Name.of(id)
  local holders, reserved = describe_holders(name, most)
  return { id, int(name.token), name.used - reserved, name.limit or 0, holders, describe_waiters(name, most) }
end
