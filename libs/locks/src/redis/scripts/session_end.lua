#!lua flags=allow-oom
-- Ends a session: all its leases are released, its waiting requests end.
-- KEYS 1 prefix of the shard
-- ARGV 1 channel prefix  2 session id
-- Returns 1 ended; 0 there was none; 2 there is more to do.
-- @include sweep.lua
local score = redis.call('ZSCORE', P .. 'sessions', ARGV[2])
if not score then return 0 end
local more = end_session(ARGV[2], tonumber(score) > now and 'released' or 'expired')
Name.save()
if more then return 2 end
return tonumber(score) > now and 1 or 0
