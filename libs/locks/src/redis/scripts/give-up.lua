#!lua flags=allow-oom
-- Ends the wait of a request that is the youngest of a circle of owners that wait for each other.
-- KEYS 1 prefix of the shard
-- ARGV 1 process id  2 how many waits of the circle lie in this shard; of each, its own first: wait id, arrival
--      then of each wait of the circle: owner, name that it waits for, owner in the way
-- Keeps '{now, owner, name, owner in the way, ...}' in <prefix>deadlocks, a list of the last ones, newest first, for a day.
-- Returns 1; nil when one of these waits has ended.
-- Invariant: no wait is given up for a circle that another one has broken.
-- @include @redis/happened.lua
-- @include parts/open.lua
-- @include parts/owner.lua
-- @include parts/queue.lua
local MOST_REMEMBERED, MOST_STEPS, MOST_TOLD_STEPS, REMEMBERED_MS = 50, 64, 8, 86400000

local function tell_operators(circle)
  local cycle = {}
  for i = 1, math.min(#circle, 3 * MOST_TOLD_STEPS), 3 do
    cycle[#cycle + 1] = { owner = Owner.as_given(circle[i]), waitsFor = circle[i + 1], heldBy = Owner.as_given(circle[i + 2]) }
  end
  happened('deadlock', circle[2], { cycle = cycle, victim = cycle[1].owner, steps = #circle / 3 })
end

local function remember(circle)
  local at = prefix .. 'deadlocks'
  redis.call('LPUSH', at, cjson.encode({ int(now), unpack(circle, 1, math.min(#circle, 3 * MOST_STEPS)) }))
  redis.call('LTRIM', at, 0, MOST_REMEMBERED - 1)
  redis.call('PEXPIRE', at, REMEMBERED_MS)
end

return function()
  local process, count = ARGV[1], ARGV[2] + 0
  for i = 3, 1 + 2 * count, 2 do
    local names = WaitId.names(ARGV[i])
    if redis.call('ZSCORE', prefix .. 'q:' .. names[1], ARGV[i]) ~= ARGV[i + 1] then return nil end
  end
  local wait, freed, circle = Wait.find(ARGV[3]), {}, { unpack(ARGV, 3 + 2 * count, #ARGV) }
  -- Another process may hold the same request: it has to hear of it, too.
  wait.processes = Process.without(wait.processes, process)
  if wait.processes ~= '' then
    Wait.record_outcome(wait, 'deadlock:' .. cjson.encode(circle))
  end
  wait.processes = wait.processes == '' and process or wait.processes .. ',' .. process
  remember(circle)
  tell_operators(circle)
  Wait.leave(wait, freed)
  Queue.promote(freed)
  Name.save()
  return 1
end
