#!lua flags=allow-oom
-- Makes a node a member of its role. Joining again as the same incarnation changes nothing.
-- KEYS as in parts/members.lua
-- ARGV 1 role  2 node id  3 incarnation  4 what it says of itself, a JSON object  5 '1': replace a living node of the same id
--      6 silence limit, ms  7 largest epoch that the node knows
-- Returns 1 when joined, 0 when another incarnation of this id is alive.
-- Invariant: at most one incarnation of a node id is a member.
-- @include @redis/clock.lua
-- @include @redis/happened.lua
-- @include @redis/silence.lua
-- @include parts/members.lua
return function()
  local role, node, incarnation = ARGV[1], ARGV[2], ARGV[3]
  if Members.holds(node, incarnation) then
    Members.hear(node, (Members.state()))
    return 1
  end
  local seen = redis.call('ZSCORE', KEYS[2], node)
  if seen and ARGV[5] ~= '1' and seen + 0 > Silence.clock(redis.call('GET', KEYS[3])) - ARGV[6] then return 0 end
  local member = cjson.decode(ARGV[4])
  member.nodeId, member.incarnation, member.startedAt = node, incarnation, now
  redis.call('HSET', KEYS[1], node, cjson.encode(member))
  Members.hear(node, (Members.state()))
  Members.changed(role, ARGV[7])
  happened('joined', nil, { member = node })
  return 1
end
