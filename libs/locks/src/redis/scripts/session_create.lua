#!lua
-- Opens a session.
-- KEYS 1 prefix of the shard
-- ARGV 1 channel prefix  2 session id  3 ttl, ms  4 owner  5 metadata
-- Returns when it ends, ms.
-- @include state.lua
redis.call('HSET', P .. 'S:' .. ARGV[2], 'ttl', ARGV[3], 'owner', ARGV[4], 'metadata', ARGV[5])
redis.call('ZADD', P .. 'sessions', now + tonumber(ARGV[3]), ARGV[2])
return now + tonumber(ARGV[3])
