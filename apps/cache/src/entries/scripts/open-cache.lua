-- Brings a cache into the life of Redis: made in it, or carried over from the life before.
-- KEYS 1 stem  2 hash of the life, as in life.lua
-- Returns 1; the error LIFE when the life is over.
-- Invariant: what an earlier life acknowledged may be lost, so nothing of it is served unless Redis cannot lose it:
--            an older value would be wrong, a missing one is not.
local life = redis.call('HMGET', KEYS[2], 'id', 'open', 'durable')
if life[1] ~= LIFE or life[2] ~= '1' then return redis.error_reply('LIFE is over') end
local before = redis.call('HGET', KEYS[1], 'life')
if before == LIFE then return 1 end
redis.call('HSET', KEYS[1], 'life', LIFE)
if not before or life[3] == '1' then return 1 end
-- @include operations.lua
flush()
return 1
