#!lua flags=allow-oom
-- Shows one name as it is now.
-- KEYS 1 prefix of the shard
-- ARGV 1 channel prefix  2 name  3 most holders and waiters shown
-- Returns {name, token, permits in use, limit, {record, end, ...}, {owner, permits, since, ...}}.
-- @include describe.lua
local reply = describe(ARGV[2], tonumber(ARGV[3]))
Name.save()
return reply
