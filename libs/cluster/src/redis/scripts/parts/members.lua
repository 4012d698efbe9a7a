-- The members of a role.
-- KEYS 1 members  hash: node id -> cjson {nodeId, incarnation, startedAt, url, kind, timers, libraries}
--      2 seen     zset: node id -> last heartbeat, by the silence clock, ms
--      3 pulse    string: see @redis/silence.lua
--      4 epoch    string: number of the current membership
-- Leaves: Members.holds(node, incarnation): whether this incarnation is a member; Members.hear(node): records a heartbeat
--         and returns the silence clock and the epoch; Members.changed(role, known): increments the epoch, which it returns, and
--         notifies every node; `known`: an epoch that a node knows.
-- @include @redis/clock.lua
-- @include @redis/hint.lua
-- @include @redis/integer.lua
-- @include @redis/silence.lua
local Members = {}

function Members.holds(node, incarnation)
  local held = redis.call('HGET', KEYS[1], node)
  return held and cjson.decode(held).incarnation == incarnation
end

function Members.hear(node)
  local stored = redis.call('MGET', KEYS[3], KEYS[4])
  local clock = Silence.clock(stored[1])
  redis.call('SET', KEYS[3], Silence.pulse(stored[1]))
  redis.call('ZADD', KEYS[2], clock, node)
  return clock, stored[2]
end

-- The clock and what the nodes know are lower bounds, so that no epoch is used twice, even after Redis lost its data.
function Members.changed(role, known)
  local epoch = int(math.max((redis.call('GET', KEYS[4]) or 0) + 1, known + 1, now))
  redis.call('SET', KEYS[4], epoch)
  hint(role, 'cluster.changed', nil, '{"epoch":' .. epoch .. '}')
  return epoch
end
