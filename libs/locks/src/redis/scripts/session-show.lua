#!lua flags=allow-oom
-- Shows a session and its leases.
-- KEYS 1 prefix of the shard
-- ARGV 1 session id  2 most leases shown
-- Returns {ttl, owner, end, metadata, {name, record, end, ...}} or nil when it is gone.
-- @include parts/open.lua
-- @include parts/lease.lua
return function()
  local id = ARGV[1]
  local ending = (redis.call('ZSCORE', prefix .. 'sessions', id) or 0) + 0
  if ending <= now then return nil end
  local leases = {}
  for _, member in ipairs(redis.call('SRANDMEMBER', prefix .. 'L:' .. id, ARGV[2])) do
    local name_id, lease_id = string.match(member, '^(%S+) (%S+)$')
    local name = Name.of(name_id)
    local record, at = Lease.holding(name, lease_id)
    if record then
      leases[#leases + 1] = name_id
      leases[#leases + 1] = record
      leases[#leases + 1] = at
    end
  end
  local facts = redis.call('HMGET', prefix .. 'S:' .. id, 'ttl', 'owner', 'metadata')
  return { facts[1] + 0, facts[2], ending, facts[3], leases }
end
