-- @include state.lua

-- What may be told of a fill lease: who knows all of its id may store with it.
local function lease_name(id)
  return string.sub(id, 1, 8)
end

-- Whether an invalidation since the lease was granted covers what it would store. One that was granted before there was
-- a cache (at version 0) is not void by the making of it; one of a cache that was dropped since is.
local function is_covered(granted, key, tags)
  if granted > 0 and (not state.exists or granted < state.forgotten) then return true end
  local newest = invalidated_at(key, tags)
  return newest > granted and not (granted == 0 and newest == state.made)
end

-- The id of the fill lease of a key while what its holder brings may be stored. Nil when there is none, or when an
-- invalidation since covers the key, the tags that it was taken with, or those given here.
local function fill_lease_of(key, tags)
  local held = redis.call('GET', stem .. ':l:' .. key)
  if not held then return nil end
  local id, granted, planned = string.match(held, '^(%S+) (%d+) ?(.*)$')
  if is_covered(tonumber(granted), key, planned) then return nil end
  if tags and tags ~= planned and is_covered(tonumber(granted), key, tags) then return nil end
  return id
end

-- A fill lease ends before its time; who waits for the fill looks again, or is told why there is nothing to come.
local function end_fill(key, id, reason)
  if redis.call('DEL', stem .. ':l:' .. key) == 0 then return end
  for _, node in ipairs(redis.call('SMEMBERS', stem .. ':w:' .. key)) do
    tell(node, 'cache.filled', { stem = stem, key = key, lease = id and lease_name(id), reason = reason })
  end
  redis.call('DEL', stem .. ':w:' .. key)
end
