-- Incarnations: a node that serves from near caches is one, from the time that it joins until it leaves or is fenced. Its
-- name is '<node>#<unique>'.
--   <shared>:<instance>:alive  hash  incarnation -> 'renewals at acked': how many of its lease there were, when the last was, and
--                                    the number of the last invalidation that it acknowledged
-- Leaves: Alive.key(), Alive.TTL_MS; Alive.has(incarnation); Alive.find(incarnation): these three, nil when it is not alive;
--         Alive.put(incarnation, renewals, at, acked)
--         Alive.renewals(names): 'renewals at' of each, nil for one that is not alive; and what each acknowledged
-- @include @redis/integer.lua
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

function Alive.find(incarnation)
  local text = redis.call('HGET', Alive.key(), incarnation)
  if not text then return nil end
  local renewals, at, acked = string.match(text, '^(%d+) (%d+) (%d+)$')
  return renewals + 0, at + 0, acked + 0
end

function Alive.put(incarnation, renewals, at, acked)
  redis.call('HSET', Alive.key(), incarnation, int(renewals) .. ' ' .. int(at) .. ' ' .. int(acked))
end

function Alive.renewals(names)
  local renewals, acked = {}, {}
  for from = 1, #names, AT_A_TIME do
    local some = redis.call('HMGET', Alive.key(), unpack(names, from, math.min(from + AT_A_TIME - 1, #names)))
    for i = 1, #some do
      local at = from + i - 1
      if some[i] then renewals[at], acked[at] = string.match(some[i], '^(%d+ %d+) (%d+)$') end
    end
  end
  return renewals, acked
end
