#!lua flags=allow-oom
-- Keeps a session alive, and so all of its leases, for its whole length from now on.
-- KEYS 1 prefix of the shard
-- ARGV 1 session id
-- Returns {ttl, owner, end, leases that it holds, {'<name> <token>' of a lease that was taken away from it, ...}, metadata}
--         or nil when it is gone.
-- Invariants: a session that ended never begins again; a loss is told for two lengths of the session: who keeps it
--             alive had the answer to a keep-alive within one, so a lost answer hides nothing.
-- @include parts/open.lua
-- @include @redis/clock.lua
return function()
  local id, sessions, lost = ARGV[1], KEYS[1] .. 'sessions', KEYS[1] .. 'V:' .. ARGV[1]
  if (redis.call('ZSCORE', sessions, id) or 0) + 0 <= now then return nil end
  local facts = redis.call('HMGET', KEYS[1] .. 'S:' .. id, 'ttl', 'owner', 'metadata')
  local ttl = facts[1] + 0
  redis.call('ZADD', sessions, now + ttl, id)
  redis.call('ZREMRANGEBYSCORE', lost, '-inf', now - 2 * ttl)
  local leases = redis.call('SCARD', KEYS[1] .. 'L:' .. id)
  return { ttl, facts[2], now + ttl, leases, redis.call('ZRANGE', lost, 0, -1), facts[3] }
end
