-- The Redis instance: one process of Redis while it is the primary (shard-instance.ts). What near caches were promised, and
-- what Redis remembers of them, ends with it.
-- KEYS last  stem of what the caches of a shard share: all of a single Redis, one slot of a Redis Cluster
--   <shared>:instance-3        text  id of the instance
--   <shared>:instance-3:facts  hash  see find-instance.lua
--   <shared>:clock             text  no version is larger (see @redis/hybrid-clock.lua)
-- Leaves: Instance.shared, that stem; Instance.nodes, the stem of what this instance promised to near caches;
--         Instance.facts(); Instance.clock(), the key of the versions, and Instance.clock_text, what stood there when the call began
--         Instance.texts: what stood then under the other KEYS, in their order. One command reads all of these.
-- Invariant: a call on behalf of an instance that is not the one of the data ends here, before it changed anything.
local Instance = {}

function Instance.facts()
  return Instance.shared .. ':instance-3:facts'
end

function Instance.clock()
  return Instance.shared .. ':clock'
end

each_call(function()
  local count = #KEYS
  local shared = KEYS[count]
  Instance.shared = shared
  Instance.nodes = shared .. ':' .. INSTANCE
  local texts = redis.call('MGET', shared .. ':instance-3', Instance.clock(), unpack(KEYS, 1, count - 1))
  if texts[1] ~= INSTANCE then error({ err = 'INSTANCE is over' }) end
  Instance.clock_text = texts[2]
  Instance.texts = { unpack(texts, 3, count + 1) }
end)
