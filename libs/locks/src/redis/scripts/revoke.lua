#!lua flags=allow-oom
-- Takes a name away from its holders by force, writes down who asked why, and serves the requests that wait. The limit of a
-- semaphore is configured no longer: it lasts as long as the semaphore is in use.
-- KEYS 1 prefix of the shard
-- ARGV 1 name  2 reason  3 node that was asked
-- Returns {'1' when there is more to do, lease id, ...}.
-- Invariant: a lease that is just being handed to a waiting request stays.
-- @include parts/open.lua
-- @include parts/queue.lua
local MOST_REVOKED, AUDIT_KEPT = 1000, 10000

return function()
  local name = Name.of(ARGV[1])
  Queue.touch(name.id)
  if name.configured then name.configured, name.changed = false, true end
  local reply = { '0' }
  local leases = Name.holders(name, MOST_REVOKED)
  for i = 1, #leases, 2 do
    local lease_id, record = leases[i], Name.record(name, leases[i])
    if Lease.is_told(Lease.parse(record).state) then
      Lease.finish(name, lease_id, record, 'revoked', Lease.ends(record, leases[i + 1]))
      reply[#reply + 1] = lease_id
    end
  end
  if #reply > 1 then
    if #leases == 2 * MOST_REVOKED then reply[1] = '1' end
    redis.call('XADD', prefix .. 'audit', 'MAXLEN', AUDIT_KEPT, '*', 'action', 'revoke', 'name', name.id,
      'reason', ARGV[2], 'node', ARGV[3], 'leases', table.concat(reply, ' ', 2))
  end
  Queue.promote({ name.id })
  Name.save()
  return reply
end
