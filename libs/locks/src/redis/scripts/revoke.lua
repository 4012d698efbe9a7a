#!lua flags=allow-oom
-- Takes a name away from its holders by force, writes down who asked why, and serves who waits. The limit of a semaphore
-- is configured no more: it lasts as long as the semaphore is in use.
-- KEYS 1 prefix of the shard
-- ARGV 1 channel prefix  2 name  3 reason  4 node that was asked
-- Returns {'1' when there is more to do, lease id, ...}.
-- Invariant: a lease that is just being handed to a waiting request stays.
-- @include queue.lua
local MOST_REVOKED, AUDIT_KEPT = 1000, 10000
local n = ARGV[2]
local st = Name.of(n)
Wait.touch(n)
if st.configured then st.configured, st.changed = false, true end
local reply = { '0' }
local leases = Lease.list(st, MOST_REVOKED)
for i = 1, #leases, 2 do
  local r = Lease.parse(Name.record(st, leases[i]))
  if r.state:sub(1, 1) == 'T' then
    Lease.finish(st, leases[i], r, 'revoked', int(Lease.ends(r, leases[i + 1])))
    reply[#reply + 1] = leases[i]
  end
end
if #reply > 1 then
  if #leases == 2 * MOST_REVOKED then reply[1] = '1' end
  redis.call('XADD', P .. 'audit', 'MAXLEN', AUDIT_KEPT, '*', 'action', 'revoke', 'name', n, 'reason', ARGV[3],
    'node', ARGV[4], 'leases', table.concat(reply, ' ', 2))
end
Wait.promote({ n })
Name.save()
return reply
