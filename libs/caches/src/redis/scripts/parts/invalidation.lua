-- What an incarnation is asked to drop.
--   <shared>:<instance>:i:<incarnation>  list  'round stem register': invalidations that it has not acknowledged, numbered
--                                              without gaps; round 0: none waits for it
--   <shared>:<instance>:acked            hash  incarnation -> number of the last invalidation that it acknowledged
-- Leaves: Invalidation.list(incarnation) and Invalidation.acked(), the keys; Invalidation.send(incarnation, register, round)
--         Invalidation.last_acknowledged(incarnation)
-- @include @redis/hint.lua
-- @include parts/register.lua
local Invalidation = {}

function Invalidation.list(incarnation)
  return Instance.nodes .. ':i:' .. incarnation
end

function Invalidation.acked()
  return Instance.nodes .. ':acked'
end

function Invalidation.last_acknowledged(incarnation)
  return (redis.call('HGET', Invalidation.acked(), incarnation) or 0) + 0
end

function Invalidation.send(incarnation, register, round)
  local list = Invalidation.list(incarnation)
  local waiting = redis.call('RPUSH', list, round .. ' ' .. Cache.stem .. ' ' .. register)
  redis.call('PEXPIRE', list, Register.SHARERS_TTL_MS)
  local number = Invalidation.last_acknowledged(incarnation) + waiting
  local node = string.match(incarnation, '^(.*)#')
  hint('cache', 'cache.invalidated', node,
    cjson.encode({ to = incarnation, number = number, stem = Cache.stem, register = register }))
end
