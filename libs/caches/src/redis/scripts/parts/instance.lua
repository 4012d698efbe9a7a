-- The Redis instance: one process of Redis while it is the primary (shard-instance.ts). What near caches were promised, and
-- what Redis remembers of them, ends with it.
-- KEYS last  stem of what the caches of a shard share: all of a single Redis, one slot of a Redis Cluster
--   <shared>:instance-2  hash  id of the instance; the rest: see find-instance.lua
--   <shared>:clock       text  no version is larger (see @redis/hybrid-clock.lua)
-- Leaves: Instance.shared, that stem; Instance.nodes, the stem of what this instance promised to near caches;
--         Instance.clock(), the key of the versions
-- Invariant: a call on behalf of an instance that is not the one of the data ends here, before it changed anything.
local Instance = {}

function Instance.clock()
  return Instance.shared .. ':clock'
end

each_call(function()
  local shared = KEYS[#KEYS]
  if redis.call('HGET', shared .. ':instance-2', 'id') ~= INSTANCE then
    error({ err = 'INSTANCE is over' })
  end
  Instance.shared = shared
  Instance.nodes = shared .. ':' .. INSTANCE
end)
