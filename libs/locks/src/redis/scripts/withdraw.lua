#!lua flags=allow-oom
-- A process gives up a request whose client is gone: out of the queue, or back with what it was served. What was waited for
-- is kept for a while where the client may come back.
-- KEYS 1 prefix of the shard
-- ARGV 1 process id  2 wait id  3 claim of the request, or '-'  4 '1': its client may come back
-- Invariant: a lease that its client was told of, here or elsewhere, stays.
-- @include parts/open.lua
-- @include parts/withdrawal.lua
return function()
  Withdrawal.give_up(ARGV[1], ARGV[2], ARGV[3], ARGV[4] == '1')
  Name.save()
  return 1
end
