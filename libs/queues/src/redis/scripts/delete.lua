#!lua flags=allow-oom
-- Removes a queue with all that it holds. Dead letters that are on their way still arrive.
-- KEYS 1 queue (see state.lua)
-- ARGV 1 prefix of the channels that wake nodes
-- Returns 1; nil when there is no such queue.
-- @include discard.lua
if not open(ALL) then return nil end
discard()
q.paused = 0
wake(math.huge, ARGV[1])
call('DEL', KEYS[1], base .. 'w', base .. 'wn', base .. 'rate')
return 1
