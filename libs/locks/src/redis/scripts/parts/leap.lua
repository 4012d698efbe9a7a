-- A clock of Redis that was set forward: by it leases would end early. Nodes beat where anything is held, so where none was heard
-- for a while either they did not reach Redis, and time went on, or its clock leapt. They know which, by their own clocks (assert.lua).
-- Leaves: Leap.is_anything_held(...), anything that ends by time: leases, sessions, requests; or any of these keys
--         Leap.is_suspected(); Leap.since(at, elapsed): whether it leapt since it was `at`, ms, which is `elapsed` ms ago by
--         the clock of a node; Leap.clear(): it did not, or the nodes have asserted what they hold since
-- @include @redis/clock.lua
-- @include @redis/silence.lua
local Leap = {}
do
  -- Several beats. Less than this is not found out.
  local LEAST_MS = 1500
  -- By shard: when a call was beyond suspicion, ms. So the pulse need not be read.
  local cleared = {}

  function Leap.is_anything_held(...)
    return redis.call('EXISTS', KEYS[1] .. 'due', KEYS[1] .. 'sessions', KEYS[1] .. 'nodes', ...) > 0
  end

  function Leap.is_suspected()
    local at = cleared[KEYS[1]]
    if not at or now - at > LEAST_MS then
      local pulse = redis.call('GET', KEYS[1] .. 'pulse')
      if pulse and now - string.match(pulse, '^%d+') > LEAST_MS and Leap.is_anything_held() then return true end
    end
    cleared[KEYS[1]] = now
    return false
  end

  function Leap.since(at, elapsed)
    return now - at - elapsed > LEAST_MS
  end

  function Leap.clear()
    local pulse = KEYS[1] .. 'pulse'
    redis.call('SET', pulse, Silence.pulse(redis.call('GET', pulse)))
    cleared[KEYS[1]] = now
  end
end
