-- Reads the membership as it is now.
-- KEYS 1 members  2 seen  3 epoch      (as in join.lua)
-- Returns {now, epoch, {member, ...}, {node id, last heartbeat, ...}}.
-- @include clock.lua
return {
  now,
  redis.call('GET', KEYS[3]) or '0',
  redis.call('HVALS', KEYS[1]),
  redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES'),
}
