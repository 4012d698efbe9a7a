#!lua flags=allow-oom
-- Shows a session and its leases.
-- KEYS 1 prefix of the shard
-- ARGV 1 channel prefix  2 session id  3 most leases shown
-- Returns {ttl, owner, end, metadata, {name, record, end, ...}} or nil when it is gone.
-- @include holders.lua
local id = ARGV[2]
local ending = tonumber(redis.call('ZSCORE', P .. 'sessions', id) or '0')
if ending <= now then return nil end
local leases = {}
for _, member in ipairs(redis.call('SRANDMEMBER', P .. 'L:' .. id, ARGV[3])) do
  local n, lease = member:match('^(%S+) (%S+)$')
  local r, expiry
  if n then r, expiry = Lease.holding(Name.of(n), lease) end
  if r then
    leases[#leases + 1] = n
    leases[#leases + 1] = Name.record(Name.of(n), lease)
    leases[#leases + 1] = int(expiry)
  end
end
local f = redis.call('HMGET', P .. 'S:' .. id, 'ttl', 'owner', 'metadata')
return { f[1], f[2], int(ending), f[3], leases }
