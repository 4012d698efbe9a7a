-- Sessions: many leases that live as long as one keep-alive comes.
-- Leaves: Session.finish(id, kind)
-- @include parts/queue.lua
local Session = {}
local MOST_AT_ONCE = 256

-- Ends a session with everything in it. Returns true when there is more to do than one call should.
function Session.finish(id, kind)
  local waits = redis.call('SRANDMEMBER', prefix .. 'A:' .. id, MOST_AT_ONCE)
  local leases = redis.call('SRANDMEMBER', prefix .. 'L:' .. id, MOST_AT_ONCE)
  local freed = {}
  for _, each in ipairs(waits) do
    local wait = Wait.find(each)
    if wait then
      Wait.leave(wait, freed)
      Wait.record_outcome(wait, 'session')
    end
    redis.call('SREM', prefix .. 'A:' .. id, each)
  end
  for _, member in ipairs(leases) do
    local name_id, lease_id = string.match(member, '^(%S+) (%S+)$')
    local name = Name.of(name_id)
    local record = Name.record(name, lease_id)
    if record then Lease.finish(name, lease_id, record, kind, now) end
    redis.call('SREM', prefix .. 'L:' .. id, member)
    freed[#freed + 1] = name_id
  end
  Queue.promote(freed)
  if #waits == MOST_AT_ONCE or #leases == MOST_AT_ONCE then return true end
  redis.call('ZREM', prefix .. 'sessions', id)
  redis.call('DEL', prefix .. 'S:' .. id, prefix .. 'V:' .. id)
  return false
end
