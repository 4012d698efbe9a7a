-- The members of a role.
-- KEYS 1 members  hash: node id -> cjson {nodeId, url, incarnation, startedAt, libraries}
--      2 seen     zset: node id -> when it was heard last, by the clock of silence, ms
--      3 pulse    string: see @redis/silence.lua
--      4 epoch    string: number of the current membership
-- Leaves: Members.holds(node, incarnation): whether it is a member as this incarnation; Members.hear(node): notes that it
--         lives, and returns the clock of silence; Members.changed(role): raises the epoch and tells every node.
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
  local pulse = redis.call('GET', KEYS[3])
  local clock = Silence.clock(pulse)
  redis.call('SET', KEYS[3], Silence.pulse(pulse))
  redis.call('ZADD', KEYS[2], clock, node)
  return clock
end

-- The clock is a floor, so that an epoch is never used again, also after Redis lost its data.
function Members.changed(role)
  local epoch = int(math.max((redis.call('GET', KEYS[4]) or 0) + 1, now))
  redis.call('SET', KEYS[4], epoch)
  hint(role, 'cluster.changed', nil, '{"epoch":' .. epoch .. '}')
end
