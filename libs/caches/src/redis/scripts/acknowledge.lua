#!lua flags=allow-oom
-- Says that an incarnation has dropped all registers up to an invalidation.
-- KEYS 1 what the caches of a shard share
-- ARGV 1 incarnation  2 number of the invalidation
-- Returns 1, or 0 when the incarnation is fenced.
-- Invariant: the last acknowledgement of a round does its writes.
-- @include parts/incarnation.lua
return function()
  return Incarnation.acknowledge(ARGV[1], ARGV[2] + 0) and 1 or 0
end
