#!lua flags=allow-oom
-- A node gives up a request whose caller is gone: out of the queue, or back with what it was served. What was waited for
-- is kept for a while where the caller may come back.
-- KEYS 1 prefix of the shard
-- ARGV 1 channel prefix  2 run of the node  3 wait id  4 claim of the request, or '-'  5 '1': its caller may come back
-- Invariant: a lease that its caller was told of, here or elsewhere, stays.
-- @include queue.lua
Wait.give_up(ARGV[2], ARGV[3], ARGV[4], ARGV[5] == '1')
Name.save()
return 1
