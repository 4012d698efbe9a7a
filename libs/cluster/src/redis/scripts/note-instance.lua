#!lua flags=allow-oom
-- A node found out which Redis instance it is in.
-- KEYS 1 the instance that was found last
-- ARGV 1 the instance  2 '1': the node was in another one before
-- Returns nil.
-- Invariant: of all nodes that find it out one is told that it changed.
-- @include @redis/happened.lua
return function()
  local before = redis.call('GET', KEYS[1])
  if before == ARGV[1] then return nil end
  redis.call('SET', KEYS[1], ARGV[1])
  if before or ARGV[2] == '1' then happened('instance', nil, { instance = ARGV[1] }) end
end
