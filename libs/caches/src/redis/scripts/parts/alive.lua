-- Incarnations: a node that serves from near caches is one, from the time that it joins until it leaves or is fenced. Its
-- name is '<node>#<unique>'.
--   <shared>:<instance>:alive  hash  incarnation -> 'renewals at': how many of its lease there were, and when the last was
-- Leaves: Alive.key(), Alive.TTL_MS; Alive.has(incarnation); Alive.renewals(names), false for one that is not alive
-- @include parts/instance.lua
local Alive = { TTL_MS = 21600000 }
-- Lua hands so many values to a command at a time.
local AT_A_TIME = 4000

function Alive.key()
  return Instance.nodes .. ':alive'
end

function Alive.has(incarnation)
  return incarnation ~= '' and redis.call('HEXISTS', Alive.key(), incarnation) == 1
end

function Alive.renewals(names)
  if #names == 0 then return {} end
  if #names <= AT_A_TIME then return redis.call('HMGET', Alive.key(), unpack(names)) end
  local all = {}
  for from = 1, #names, AT_A_TIME do
    local some = redis.call('HMGET', Alive.key(), unpack(names, from, math.min(from + AT_A_TIME - 1, #names)))
    for i = 1, #some do all[#all + 1] = some[i] end
  end
  return all
end
