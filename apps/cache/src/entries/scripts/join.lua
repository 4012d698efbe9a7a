-- Lets a new incarnation serve from a near cache, which is empty.
-- KEYS 1 stem
-- ARGV 1 incarnation, never used before
-- Returns near cache bytes, '' for the default.
-- @include coherence.lua
redis.call('HSET', alive_key, ARGV[1], 0)
redis.call('PEXPIRE', alive_key, ALIVE_TTL_MS)
return redis.call('HGET', stem, 'nearCacheBytes') or ''
