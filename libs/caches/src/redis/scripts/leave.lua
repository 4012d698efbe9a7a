#!lua flags=allow-oom
-- Ends an incarnation that serves from its near caches no more: nobody waits for it.
-- KEYS 1 what the caches of a shard share
-- ARGV 1 incarnation
-- Returns 1.
-- @include parts/incarnation.lua
return function()
  Incarnation.bury(ARGV[1])
  return 1
end
