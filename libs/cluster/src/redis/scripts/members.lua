#!lua flags=no-writes
-- Reads the current membership.
-- KEYS as in parts/members.lua
-- Returns {silence clock, epoch, {member, ...}, {node id, last heartbeat by the silence clock, ...}, now}.
-- @include @redis/clock.lua
-- @include @redis/silence.lua
return function()
  return {
    Silence.clock(redis.call('GET', KEYS[3])),
    redis.call('GET', KEYS[4]) or '0',
    redis.call('HVALS', KEYS[1]),
    redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES'),
    now,
  }
end
