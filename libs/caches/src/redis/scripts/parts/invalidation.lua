-- What an incarnation is asked to drop.
--   <shared>:<instance>:i:<incarnation>  list  'round stem register': invalidations that it has not acknowledged, numbered
--                                              without gaps; round 0: none waits for it
-- Leaves: Invalidation.list(incarnation), the key; Invalidation.send(sharer, register, round), one of Register.look
-- @include @redis/hint.lua
-- @include parts/register.lua
local Invalidation = {}

function Invalidation.list(incarnation)
  return Instance.nodes .. ':i:' .. incarnation
end

function Invalidation.send(sharer, register, round)
  local incarnation = sharer[1]
  local list = Invalidation.list(incarnation)
  local waiting = redis.call('RPUSH', list, round .. ' ' .. Cache.stem .. ' ' .. register)
  redis.call('PEXPIRE', list, Register.SHARERS_TTL_MS)
  local number = sharer.acked + waiting
  local node = string.match(incarnation, '^(.*)#')
  hint('cache', 'cache.invalidated', node,
    cjson.encode({ to = incarnation, number = number, stem = Cache.stem, register = register }))
end
