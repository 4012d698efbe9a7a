#!lua flags=allow-oom
-- Stops deliveries, or lets them go on. Sends, acks and timers go on meanwhile.
-- KEYS 1 queue (see state.lua)
-- ARGV 1 '1': stop, '0': go on  2 prefix of the channels that wake nodes
-- Returns 1; nil when there is no such queue.
-- @include wake.lua
if not open({ 'gen', 'live', 'paused' }) then return nil end
set('paused', tonumber(ARGV[1]))
wake(q.live - call('ZCARD', key('inFlight')) - call('ZCARD', key('delayed')), ARGV[2])
save()
return 1
