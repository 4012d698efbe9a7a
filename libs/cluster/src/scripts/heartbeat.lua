#!lua flags=allow-oom
-- Renews a member, removes those that were silent for too long, and tells what changed.
-- KEYS 1 members  2 seen  3 epoch      (as in join.lua)
-- ARGV 1 node id  2 incarnation  3 epoch that the node knows  4 silence limit, ms  5 channel
--      6 when nobody was heard for longer than this, ms, it was Redis that was away
-- Returns {epoch, member, member, ...}, without the members when the epoch is the known one;
--         nil when this incarnation is not a member: it is fenced.
-- Invariants: a fenced incarnation changes nothing; nobody is removed for a silence in which nobody could be heard.
-- @include clock.lua
-- @include epoch.lua
local held = redis.call('HGET', KEYS[1], ARGV[1])
if not held or cjson.decode(held).incarnation ~= ARGV[2] then return nil end

-- For all members the time stood still while Redis was away.
local away = now - tonumber(redis.call('ZRANGE', KEYS[2], 0, 0, 'REV', 'WITHSCORES')[2] or now)
if away > tonumber(ARGV[6]) then
  local seen = redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES')
  for i = 1, #seen, 2 do redis.call('ZADD', KEYS[2], tonumber(seen[i + 1]) + away, seen[i]) end
end
redis.call('ZADD', KEYS[2], now, ARGV[1])

local silent = redis.call('ZRANGE', KEYS[2], '-inf', now - tonumber(ARGV[4]), 'BYSCORE')
if #silent > 0 then
  redis.call('HDEL', KEYS[1], unpack(silent))
  redis.call('ZREM', KEYS[2], unpack(silent))
  raise_epoch(KEYS[3], now, ARGV[5])
end

local epoch = redis.call('GET', KEYS[3])
if epoch == ARGV[3] then return { epoch } end
return { epoch, unpack(redis.call('HVALS', KEYS[1])) }
