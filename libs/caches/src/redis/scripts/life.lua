#!lua flags=allow-oom
-- Tells the life that this Redis is in, and begins a new one when it started anew or lost its data.
-- KEYS 1 hash: id, run (of the Redis process), open, durable, carries (id of the life whose caches this one carries on)
-- ARGV 1 run id of this Redis process  2 id for a new life  3 '1' when nothing that it acknowledges can be lost
--      4 '1' when this process read its data from its own disk, rather than from another process
-- Returns {id, open}: 0 until every lease of the life before is certainly over.
-- Invariant: two processes of Redis never share a life. A life that could lose something, at any time of it, is not
--            carried on: what matters is how it was kept itself, which stands in its own data.
local life = redis.call('HMGET', KEYS[1], 'id', 'run', 'open', 'durable')
if life[2] == ARGV[1] then
  if ARGV[3] ~= '1' then redis.call('HSET', KEYS[1], 'durable', '0') end
  return { life[1], tonumber(life[3]) }
end
local carries = life[4] == '1' and ARGV[4] == '1' and life[1] or ''
redis.call('HSET', KEYS[1], 'id', ARGV[2], 'run', ARGV[1], 'open', 0, 'durable', ARGV[3], 'carries', carries)
return { ARGV[2], 0 }
