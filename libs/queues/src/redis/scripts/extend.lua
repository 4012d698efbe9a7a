#!lua flags=allow-oom
-- Gives deliveries more time, or less, counted from now.
-- KEYS 1 queue (see state.lua)
-- ARGV 1 channel of the node that runs the timers ('': the caller)  2 visibility timeout, ms
--      then for each receipt: gen, token, delivery
-- Returns {'1' (extended) or '0' (stale) for each, as one string; due in ms or -1}; nil when there is no such queue.
-- Invariant: as for acknowledge.lua.
-- @include receipts.lua
-- @include due.lua
if not open({ 'gen', 'due' }) then return nil end
local valid = judge(3, 3)
local ends = now + tonumber(ARGV[2])
for _, token in pairs(valid) do call('ZADD', key('inFlight'), 'XX', ends, token) end
if next(valid) then announce(ends) end
local due = tell_due(ARGV[1])
save()
return { verdict(valid, (#ARGV - 2) / 3), due }
