#!lua
-- Opens a session.
-- KEYS 1 prefix of the shard
-- ARGV 1 session id  2 ttl, ms  3 owner  4 metadata
-- Returns when it ends, ms.
-- @include parts/open.lua
-- @include @redis/clock.lua
return function()
  local id, ending = ARGV[1], now + ARGV[2]
  redis.call('HSET', KEYS[1] .. 'S:' .. id, 'ttl', ARGV[2], 'owner', ARGV[3], 'metadata', ARGV[4])
  redis.call('ZADD', KEYS[1] .. 'sessions', ending, id)
  return ending
end
