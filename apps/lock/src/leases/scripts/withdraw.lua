-- A node gives up a request whose caller is gone: out of the queue, or back with what it was served.
-- KEYS 1 prefix of the shard
-- ARGV 1 channel prefix  2 run of the node  3 wait id  4 claim of the request, or '-'
-- Invariant: a lease that its caller was told of, here or elsewhere, stays.
-- @include queue.lua
Wait.give_up(ARGV[2], ARGV[3], ARGV[4])
Name.save()
return 1
