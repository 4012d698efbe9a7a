#!lua flags=allow-oom
-- Ends a round whose waiting time is over: every lease that was given before it began has ended, and every lease
-- given since was given together with its invalidation.
-- KEYS 1 stem  2 what all caches share
-- ARGV 1 register  2 round  3.. incarnation, renewals as they were when the waiting began
-- Returns 1 when the round still ran, else 0.
-- Invariant: who has not renewed since is fenced before anything is written.
-- @include coherence.lua
if redis.call('HGET', c_key(ARGV[1]), 'round') ~= ARGV[2] then return 0 end
for i = 3, #ARGV, 2 do
  if redis.call('HGET', alive_key, ARGV[i]) == ARGV[i + 1] then bury(ARGV[i]) end
end
-- To bury one may have ended rounds in other caches.
enter(KEYS[1])
if redis.call('HGET', c_key(ARGV[1]), 'round') == ARGV[2] then commit(ARGV[1]) end
return 1
