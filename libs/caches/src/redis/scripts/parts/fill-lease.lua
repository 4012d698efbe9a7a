-- The right to compute a missing entry.
--   <stem>:l:<key>  text  'id version tags': the newest version when it was granted, and the tags that its value would have
--   <stem>:w:<key>  set   nodes with callers that wait for the fill
-- Leaves: FillLease.key(key), FillLease.waiting(key), where they lie
--         FillLease.of(key, tags): id of the lease while what its holder brings may be stored; nil when there is none, or when
--         an invalidation since covers the key, the tags that it was granted for, or those given here. Second: true when
--         there is one, void or not
--         FillLease.is_there(key), void or not; FillLease.name(id), FillLease.await(key, node, ms),
--         FillLease.finish(key, id, reason); FillLease.note(key, text), what stands there, of the cache under way
-- @include @redis/hint.lua
-- @include parts/marks.lua
local FillLease = {}
-- What stands under a key, as it was read together with the cache.
local noted, noted_text

each_call(function()
  noted, noted_text = #KEYS == 3 and KEYS[2], #KEYS == 3 and Instance.texts[2]
end)

function FillLease.key(key)
  return Cache.stem .. ':l:' .. key
end

-- A fill lease without the right: that is all of its id.
function FillLease.name(id)
  return string.sub(id, 1, 8)
end

-- Whether an invalidation since the lease was granted covers what it would store. One that was granted before there was
-- a cache (at version 0) is not void by the making of it; one of a cache that was dropped since is.
local function is_covered(granted, key, tags)
  local newest = Marks.newest(key, tags)
  if granted == 0 then return newest > Cache.made end
  return not Cache.exists or newest > granted or granted < Marks.forgotten()
end

function FillLease.note(key, text)
  noted, noted_text = FillLease.key(key), text
end

local function text_of(key)
  local at = FillLease.key(key)
  if at == noted then return noted_text end
  return redis.call('GET', at)
end

function FillLease.is_there(key)
  return text_of(key) and true
end

function FillLease.of(key, tags)
  local held = text_of(key)
  if not held then return nil, false end
  local id, version, planned = string.match(held, '^(%S+) (%d+) ?(.*)$')
  local granted = version + 0
  if is_covered(granted, key, planned) then return nil, true end
  if tags and tags ~= planned and is_covered(granted, key, tags) then return nil, true end
  return id, true
end

function FillLease.waiting(key)
  return Cache.stem .. ':w:' .. key
end

-- A node is told when the fill of a key is over.
function FillLease.await(key, node, ms)
  local waiting = FillLease.waiting(key)
  redis.call('SADD', waiting, node)
  redis.call('PEXPIRE', waiting, ms + 1000)
end

-- A fill lease ends before its time; those who wait for the fill look again, or are told why there is nothing to come.
function FillLease.finish(key, id, reason)
  if not FillLease.is_there(key) then return end
  redis.call('DEL', FillLease.key(key))
  FillLease.note(key, false)
  local waiting = FillLease.waiting(key)
  local nodes = redis.call('SMEMBERS', waiting)
  if #nodes == 0 then return end
  local data = cjson.encode({ stem = Cache.stem, key = key, lease = id and FillLease.name(id), reason = reason })
  for i = 1, #nodes do hint('cache', 'cache.filled', nodes[i], data) end
  redis.call('DEL', waiting)
end
