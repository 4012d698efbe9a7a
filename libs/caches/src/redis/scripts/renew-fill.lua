#!lua flags=allow-oom
-- Keeps a fill lease while its holder computes.
-- KEYS 1 stem  2 what all caches share
-- ARGV 1 key  2 id of the lease  3 its life from now on, ms
-- Returns when it ends, as text in ms of Redis' clock; 0 when it is not in force.
-- Invariant: a lease that ended, or whose value may not be stored any more, is never in force again.
-- @include fill-lease.lua
if fill_lease_of(ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('PEXPIRE', stem .. ':l:' .. ARGV[1], ARGV[3])
redis.call('PEXPIRE', stem .. ':w:' .. ARGV[1], tonumber(ARGV[3]) + 1000)
return exact(now + tonumber(ARGV[3]))
