#!lua flags=allow-oom
-- Makes a node a member of its role. Joining again as the same incarnation changes nothing.
-- KEYS 1 members  hash: node id -> cjson {nodeId, url, incarnation, startedAt}
--      2 seen     zset: node id -> last heartbeat, ms
--      3 epoch    string: number of the current membership
-- ARGV 1 node id  2 url  3 incarnation  4 '1': replace a living node of the same id  5 silence limit, ms
--      6 channel that tells the others
-- Returns 1 when joined, 0 when another incarnation of this id is alive.
-- Invariant: at most one incarnation of a node id is a member.
-- @include clock.lua
-- @include epoch.lua
local node, url, incarnation = ARGV[1], ARGV[2], ARGV[3]
local held = redis.call('HGET', KEYS[1], node)
if held then
  if cjson.decode(held).incarnation == incarnation then
    redis.call('ZADD', KEYS[2], now, node)
    return 1
  end
  local seen = tonumber(redis.call('ZSCORE', KEYS[2], node) or '0')
  if ARGV[4] ~= '1' and seen > now - tonumber(ARGV[5]) then return 0 end
end
redis.call('HSET', KEYS[1], node,
  cjson.encode({ nodeId = node, url = url, incarnation = incarnation, startedAt = now }))
redis.call('ZADD', KEYS[2], now, node)
raise_epoch(KEYS[3], now, ARGV[6])
return 1
