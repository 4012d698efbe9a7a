#!lua flags=allow-oom
-- Brings a cache into the life of Redis: made in it, or carried over from the life before.
-- KEYS 1 stem  2 what all caches share
-- Returns 1; the error LIFE when the life is over.
-- Invariant: what an earlier life acknowledged may be lost, so nothing of it is served unless that life could lose
--            nothing: an older value would be wrong, a missing one is not.
local life = redis.call('HMGET', KEYS[2] .. ':life', 'id', 'open', 'carries')
if life[1] ~= LIFE or life[2] ~= '1' then return redis.error_reply('LIFE is over') end
local before = redis.call('HGET', KEYS[1], 'life')
if before == LIFE or redis.call('EXISTS', KEYS[1]) == 0 then return 1 end
redis.call('HSET', KEYS[1], 'life', LIFE)
-- @include operations.lua
sweep_at(now)
if before ~= life[3] then flush() end
return 1
