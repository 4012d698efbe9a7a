-- The members of a role.
-- KEYS 1 members  hash: node id -> cjson {nodeId, incarnation, startedAt, url, kind, timers, libraries}
--      2 seen     zset: node id -> last heartbeat, by the silence clock, ms
--      3 pulse    string: see @redis/silence.lua
--      4 epoch    string: number of the current membership
-- Leaves: Members.holds(node, incarnation): whether this incarnation is a member; Members.state(): the pulse and the epoch;
--         Members.hear(node, pulse): records a heartbeat and returns the silence clock; Members.silent(clock, limit): those that were
--         silent for so long, ms, nil for none; Members.changed(role, known): increments the epoch, which it returns, and
--         notifies every node; `known`: an epoch that a node knows.
-- @include @redis/clock.lua
-- @include @redis/hint.lua
-- @include @redis/integer.lua
-- @include @redis/silence.lua
local Members = {}
-- By `seen`: when all were looked at last, by the silence clock, and until when none of them can be silent for too long, since each
-- heartbeat is as late as the look, or later. The clock may go back.
local looked = {}

function Members.holds(node, incarnation)
  local held = redis.call('HGET', KEYS[1], node)
  return held and cjson.decode(held).incarnation == incarnation
end

function Members.state()
  return unpack(redis.call('MGET', KEYS[3], KEYS[4]))
end

function Members.hear(node, pulse)
  local clock = Silence.clock(pulse)
  redis.call('SET', KEYS[3], Silence.pulse(pulse))
  redis.call('ZADD', KEYS[2], clock, node)
  return clock
end

function Members.silent(clock, limit)
  local last = looked[KEYS[2]]
  if last and clock >= last.at and clock < last.till then return nil end
  local first = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2]
  if first + limit > clock then
    looked[KEYS[2]] = { at = clock, till = first + limit }
    return nil
  end
  return redis.call('ZRANGE', KEYS[2], '-inf', clock - limit, 'BYSCORE')
end

-- The clock and what the nodes know are lower bounds, so that no epoch is used twice, even after Redis lost its data.
function Members.changed(role, known)
  local epoch = int(math.max((redis.call('GET', KEYS[4]) or 0) + 1, known + 1, now))
  redis.call('SET', KEYS[4], epoch)
  hint(role, 'cluster.changed', nil, '{"epoch":' .. epoch .. '}')
  return epoch
end
