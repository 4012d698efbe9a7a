#!lua flags=no-writes
-- Lists sessions, in no order.
-- KEYS 1 prefix of the shard
-- ARGV 1 prefix of the owner; one with a slash is of a tenant, and only then those of tenants are listed  2 step  3 session id after which the page begins  4 at most so many
-- Returns {step, session id, of the next page, {session id, ttl, owner, end, ...}}; step '' at the end.
-- @include @redis/clock.lua
-- @include @redis/listing.lua
return function()
  local wanted, list, sessions = ARGV[1], {}, KEYS[1] .. 'sessions'
  local has_tenant = string.find(wanted, '/', 1, true)
  local step, after = Listing.page(sessions, ARGV[2], ARGV[3], ARGV[4] + 0, function(id)
    local facts = redis.call('HMGET', KEYS[1] .. 'S:' .. id, 'ttl', 'owner')
    local ending = redis.call('ZSCORE', sessions, id) + 0
    if not facts[1] or ending <= now or string.sub(facts[2], 1, #wanted) ~= wanted then return false end
    if not has_tenant and string.find(facts[2], '/', 1, true) then return false end
    local at = #list
    list[at + 1], list[at + 2], list[at + 3], list[at + 4] = id, facts[1], facts[2], ending
    return true
  end)
  return { step, after, list }
end
