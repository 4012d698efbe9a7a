-- Adds what a node counted to the counters of the cache.
-- KEYS 1 stem
-- ARGV counter, increment, ...
-- Returns 1.
-- @include state.lua
for i = 1, #ARGV, 2 do redis.call('HINCRBY', stem .. ':stats', ARGV[i], ARGV[i + 1]) end
return 1
