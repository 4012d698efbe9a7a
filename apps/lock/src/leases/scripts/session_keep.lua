-- Starts the time of a session, and so of all its leases, anew.
-- KEYS 1 prefix of the shard
-- ARGV 1 channel prefix  2 session id
-- Returns {ttl, owner, end} or nil when it is gone.
-- Invariant: a session that ended never begins again.
-- @include state.lua
local id = ARGV[2]
if tonumber(redis.call('ZSCORE', P .. 'sessions', id) or '0') <= now then return nil end
local f = redis.call('HMGET', P .. 'S:' .. id, 'ttl', 'owner')
redis.call('ZADD', P .. 'sessions', now + tonumber(f[1]), id)
return { f[1], f[2], int(now + tonumber(f[1])) }
