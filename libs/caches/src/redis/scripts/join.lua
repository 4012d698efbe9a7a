#!lua flags=allow-oom
-- Lets a new incarnation serve from its near caches, which are empty.
-- KEYS 1 what all caches share
-- ARGV 1 incarnation, never used before
-- Returns 1.
-- @include coherence.lua
local known = redis.call('HGETALL', alive_key)
for i = 1, #known, 2 do
  -- Silent for hours: it died, and nobody wrote what it held.
  local at = tonumber(string.match(known[i + 1], ' (%d+)$'))
  if at < now - ALIVE_TTL_MS then bury(known[i]) end
end
redis.call('HSET', alive_key, ARGV[1], '0 ' .. exact(now))
redis.call('PEXPIRE', alive_key, ALIVE_TTL_MS)
return 1
