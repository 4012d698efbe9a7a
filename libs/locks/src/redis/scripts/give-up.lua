#!lua flags=allow-oom
-- Ends the wait of a request that is the youngest of a circle of owners that wait for each other.
-- KEYS 1 prefix of the shard
-- ARGV 1 process id  2 how many waits of the circle lie in this shard; of each, its own first: wait id, arrival
--      then of each wait of the circle: owner, name that it waits for, owner in the way
-- Returns 1; nil when one of these waits has ended.
-- Invariant: no wait is given up for a circle that another one has broken.
-- @include parts/open.lua
-- @include parts/queue.lua
return function()
  local process, count = ARGV[1], ARGV[2] + 0
  for i = 3, 1 + 2 * count, 2 do
    local names = WaitId.names(ARGV[i])
    if redis.call('ZSCORE', prefix .. 'q:' .. names[1], ARGV[i]) ~= ARGV[i + 1] then return nil end
  end
  local wait, freed = Wait.find(ARGV[3]), {}
  -- Another process may hold the same request: it has to hear of it, too.
  wait.processes = Process.without(wait.processes, process)
  if wait.processes ~= '' then
    Wait.record_outcome(wait, 'deadlock:' .. cjson.encode({ unpack(ARGV, 3 + 2 * count, #ARGV) }))
  end
  wait.processes = wait.processes == '' and process or wait.processes .. ',' .. process
  Wait.leave(wait, freed)
  Queue.promote(freed)
  Name.save()
  return 1
end
