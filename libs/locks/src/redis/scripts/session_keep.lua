#!lua flags=allow-oom
-- Starts the time of a session, and so of all its leases, anew.
-- KEYS 1 prefix of the shard
-- ARGV 1 channel prefix  2 session id
-- Returns {ttl, owner, end, leases that it holds, {'<name> <token>' of a lease that was taken away from it, ...}}
--         or nil when it is gone.
-- Invariants: a session that ended never begins again; a loss is told for two lengths of the session: whoever keeps it
--             alive had the answer to a keep-alive within one, so a lost answer hides nothing.
-- @include state.lua
local id = ARGV[2]
if tonumber(redis.call('ZSCORE', P .. 'sessions', id) or '0') <= now then return nil end
local f = redis.call('HMGET', P .. 'S:' .. id, 'ttl', 'owner')
local ttl = tonumber(f[1])
redis.call('ZADD', P .. 'sessions', now + ttl, id)
local lost = P .. 'V:' .. id
redis.call('ZREMRANGEBYSCORE', lost, '-inf', now - 2 * ttl)
return { f[1], f[2], int(now + ttl), redis.call('SCARD', P .. 'L:' .. id), redis.call('ZRANGE', lost, 0, -1) }
