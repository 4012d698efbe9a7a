-- What an incarnation does about the invalidations that it was sent.
-- Leaves: Incarnation.acknowledge(incarnation, upto): it dropped all registers up to this invalidation. Returns its renewals and
--         the last that it acknowledged, nil when it is not alive
--         Incarnation.bury(incarnation): it serves nothing any more, so nobody needs to wait for it
--         Both turn to the caches that this concerns, and leave the last one under way.
-- @include parts/round.lua
local Incarnation = {}

local function release_all(incarnation, items)
  for i = 1, #items do
    local round, stem, register = string.match(items[i], '^(%d+) (%S+) (.*)$')
    Cache.turn_to(stem)
    Round.release(register, incarnation, round)
  end
end

function Incarnation.acknowledge(incarnation, upto)
  local renewals, at, acked = Alive.find(incarnation)
  if not renewals or upto <= acked then return renewals, acked end
  local items = redis.call('LPOP', Invalidation.list(incarnation), upto - acked) or {}
  acked = acked + #items
  Alive.put(incarnation, renewals, at, acked)
  release_all(incarnation, items)
  return renewals, acked
end

function Incarnation.bury(incarnation)
  local list = Invalidation.list(incarnation)
  redis.call('HDEL', Alive.key(), incarnation)
  local items = redis.call('LRANGE', list, 0, -1)
  redis.call('DEL', list)
  release_all(incarnation, items)
end
