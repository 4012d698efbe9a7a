-- Ends leases and serves the requests that wait, in one step.
-- Fields: lease id  number of names  names..., then wait id, claim of each local waiter (see Queue.promote)
-- Answers 1 released, or given up while it waited; 0 released before; -1 when one of them was lost (those still held are
--         released), and of each local waiter that was served: wait id, then record, end, limit of each of its names.
-- Invariants: only the holder's lease id ends a lease, a successor's stays; local waiters do not overtake.
-- Leaves: Release.run(first, last): with the places of its first and its last field
-- @include parts/queue.lua
local Release = {}

-- A request that still waits is given up. False: there is none.
local function give_up_wait(lease_id, first_name, last_name, freed)
  local ids = {}
  for i = first_name, last_name do ids[#ids + 1] = ARGV[i] end
  table.sort(ids)
  local wait = Wait.find(WaitId.of(lease_id, ids))
  if not wait then return false end
  Wait.leave(wait, freed)
  Wait.record_outcome(wait, 'left')
  for _, id in ipairs(ids) do Name.remember(Name.of(id), lease_id, '1') end
  return true
end

function Release.run(first, last)
  local lease_id, last_name = ARGV[first], first + 1 + ARGV[first + 1]
  local freed, released, lost = {}, false, false
  for i = first + 2, last_name do
    local name = Name.of(ARGV[i])
    local record, ending = Lease.holding(name, lease_id)
    if record then
      if not Lease.finish(name, lease_id, record, 'released', ending) then
        -- Its client does not want what it was not told of yet, either.
        Name.remember(name, lease_id, '1')
      end
      if name.waiting > 0 then freed[#freed + 1] = name.id end
      released = true
    else
      if Name.outcome_of(name, lease_id) ~= '1' then lost = true end
      if Name.record(name, lease_id) then
        Lease.expire(name)
        freed[#freed + 1] = name.id
      end
    end
  end
  if lost and not released and give_up_wait(lease_id, first + 2, last_name, freed) then released, lost = true, false end
  answer(lost and -1 or released and 1 or 0)
  if freed[1] then
    local locals = {}
    for i = last_name + 1, last, 2 do locals[ARGV[i]] = ARGV[i + 1] end
    Queue.promote(freed, locals)
  end
end
