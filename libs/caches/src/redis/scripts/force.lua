#!lua flags=allow-oom
-- Ends a round whose waiting time is over: every lease that was given before it began has ended, and every lease
-- given since was given together with its invalidation.
-- KEYS 1 stem  2 what the caches of its shard share
-- ARGV 1 register  2 round  3.. incarnation, renewals as they were when the waiting began
-- Returns 1 when the round still ran, else 0.
-- Invariant: an incarnation that has not renewed since is fenced before anything is written.
-- @include parts/incarnation.lua
return function()
  local register, round = ARGV[1], ARGV[2]
  if redis.call('HGET', Register.key(register), 'round') ~= round then return 0 end
  for i = 3, #ARGV, 2 do
    if Alive.renewals({ ARGV[i] })[1] == ARGV[i + 1] then Incarnation.bury(ARGV[i]) end
  end
  -- This may have ended rounds in other caches.
  Cache.turn_to(KEYS[1])
  Round.finish(register, round)
  return 1
end
