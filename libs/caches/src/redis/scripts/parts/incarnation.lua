-- What an incarnation does about the invalidations that it was sent.
-- Leaves: Incarnation.acknowledge(incarnation, upto): it dropped all registers up to this invalidation
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
  local acked = Invalidation.last_acknowledged(incarnation)
  if upto <= acked then return end
  local items = redis.call('LPOP', Invalidation.list(incarnation), upto - acked) or {}
  redis.call('HSET', Invalidation.acked(), incarnation, acked + #items)
  release_all(incarnation, items)
end

function Incarnation.bury(incarnation)
  local list = Invalidation.list(incarnation)
  redis.call('HDEL', Alive.key(), incarnation)
  redis.call('HDEL', Invalidation.acked(), incarnation)
  local items = redis.call('LRANGE', list, 0, -1)
  redis.call('DEL', list)
  release_all(incarnation, items)
end
