#!lua flags=allow-oom
-- Finds the caches that have something to be swept.
-- KEYS 1 what all caches share
-- ARGV 1 at most so many
-- Returns their stems.
-- @include state.lua
return redis.call('ZRANGE', shared .. ':due', '-inf', now, 'BYSCORE', 'LIMIT', 0, tonumber(ARGV[1]))
