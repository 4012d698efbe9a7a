-- The Redis instance: one process of Redis while it is the primary (redis-instance.ts). What near caches were promised,
-- and what Redis remembers of them, ends with it.
-- KEYS last  stem of what all caches share; on a Redis Cluster caches lie apart: there is none, and INSTANCE is false
--   <shared>:instance  hash  id of the instance; version: the largest that a cache had which was dropped; the rest: see
--                            find-instance.lua
-- Leaves: Instance.shared, that stem; Instance.nodes, the stem of what this instance promised to near caches.
-- Invariant: a call on behalf of an instance that is not the one of the data ends here, before it changed anything.
local Instance = {}

each_call(function()
  local shared = KEYS[#KEYS]
  if INSTANCE and redis.call('HGET', shared .. ':instance', 'id') ~= INSTANCE then
    error({ err = 'INSTANCE is over' })
  end
  Instance.shared = shared
  Instance.nodes = shared .. ':' .. (INSTANCE or '')
end)
