#!lua flags=allow-oom
-- Lets a new incarnation serve from its near caches, which are empty.
-- KEYS 1 what the caches of a shard share
-- ARGV 1 incarnation, never used before
-- Returns 1.
-- @include parts/incarnation.lua
return function()
  local known = redis.call('HGETALL', Alive.key())
  for i = 1, #known, 2 do
    -- Silent for hours: it died, and nobody wrote what it held.
    if string.match(known[i + 1], '^%d+ (%d+)') + 0 < now - Alive.TTL_MS then Incarnation.bury(known[i]) end
  end
  Alive.put(ARGV[1], 0, now, 0)
  redis.call('PEXPIRE', Alive.key(), Alive.TTL_MS)
  return 1
end
