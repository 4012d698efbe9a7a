-- Tells the life that this Redis is in, and begins a new one when it started anew or lost its data.
-- KEYS 1 hash: id, run (of the Redis process), open, durable
-- ARGV 1 run id of this Redis process  2 id for a new life  3 '1' when nothing that is acknowledged can be lost
-- Returns {id, open}: 0 until every lease of the life before is certainly over.
-- Invariant: two processes of Redis never share a life.
local life = redis.call('HMGET', KEYS[1], 'id', 'run', 'open')
if life[2] == ARGV[1] then return { life[1], tonumber(life[3]) } end
redis.call('HSET', KEYS[1], 'id', ARGV[2], 'run', ARGV[1], 'open', 0, 'durable', ARGV[3])
return { ARGV[2], 0 }
