#!lua flags=allow-oom
-- Opens a life: the caller has waited until every lease of the life before was over.
-- KEYS 1 hash, as in life.lua
-- ARGV 1 id of the life
-- Returns 1, or 0 when another life has begun since.
if redis.call('HGET', KEYS[1], 'id') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'open', 1)
return 1
