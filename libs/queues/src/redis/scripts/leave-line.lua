#!lua flags=allow-oom
-- Takes a parked receiver out. When it was woken and did not take what it was woken for, the next one is.
-- KEYS 1 queue (see state.lua)
-- ARGV 1 waiter 'NODE#ID'  2 prefix of the channels that wake nodes
-- @include wake.lua
if leave_line(ARGV[1]) == 0 and open({ 'gen', 'paused' }) then wake(1, ARGV[2]) end
return 0
