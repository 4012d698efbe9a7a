#!lua flags=allow-oom
-- Says that an incarnation has dropped all registers up to an invalidation.
-- KEYS 1 what all caches share
-- ARGV 1 incarnation  2 number of the invalidation
-- Returns 1, or 0 when the incarnation is fenced.
-- Invariant: the last acknowledgement of a round does its writes.
-- @include coherence.lua
if redis.call('HEXISTS', alive_key, ARGV[1]) == 0 then return 0 end
acknowledge(ARGV[1], tonumber(ARGV[2]))
return 1
