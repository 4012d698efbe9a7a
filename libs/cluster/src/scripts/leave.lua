#!lua flags=allow-oom
-- Takes a node out of its role at once, so that the others need not wait for its silence.
-- KEYS 1 members  2 seen  3 epoch      (as in join.lua)
-- ARGV 1 node id  2 incarnation  3 channel
-- Returns 1 when it left, 0 when this incarnation was no member.
-- Invariant: a successor with the same id is never removed.
-- @include clock.lua
-- @include epoch.lua
local held = redis.call('HGET', KEYS[1], ARGV[1])
if not held or cjson.decode(held).incarnation ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
raise_epoch(KEYS[3], now, ARGV[3])
return 1
