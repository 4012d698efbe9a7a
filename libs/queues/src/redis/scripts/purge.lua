#!lua flags=allow-oom
-- Removes all messages of a queue: ready, delayed and in flight. Their receipts are stale from now on.
-- KEYS 1 queue (see state.lua)
-- ARGV 1 channel of the node that runs the timers ('': the caller)
-- Returns {how many, due in ms or -1}; nil when there is no such queue.
-- Invariant: nothing that was sent before is delivered afterwards.
-- @include discard.lua
if not open(ALL) then return nil end
local purged = q.live
discard()
set('gen', string.format('%.0f', math.max(tonumber(q.gen) + 1, tonumber(time[1]) * 1000000 + tonumber(time[2]))))
add('expired', purged)
for _, counter in ipairs({ 'seq', 'live', 'bytes', 'mask', 'low', 'sweep', 'sweepAt' }) do set(counter, 0) end
if call('EXISTS', base .. 'trash') == 1 then announce(now) end
local due = tell_due(ARGV[1])
save()
return { purged, due }
