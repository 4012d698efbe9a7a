#!lua flags=allow-oom
-- Makes a queue, or gives one a new configuration.
-- KEYS 1 queue (see state.lua)
-- ARGV 1 'make': leave one that exists alone, or 'change': leave it unmade  2 secret for a new queue
--      3 channel of the node that runs the timers ('': the caller)  then field, value, ...
-- Returns {1 when this was done, 0 when not; due in ms or -1}.
-- Invariant: a queue that is made again begins a generation that was never used.
-- @include due.lua
local exists = open(ALL)
if exists == (ARGV[1] == 'make') then return { 0, -1 } end
local fields = {}
for i = 4, #ARGV do fields[i - 3] = ARGV[i] end
call('HSET', KEYS[1], unpack(fields))
if exists then
  open(ALL)
  if q.live > 0 then announce(now) end
else
  local gen = string.format('%.0f', tonumber(time[1]) * 1000000 + tonumber(time[2]))
  call('HSET', KEYS[1], 'gen', gen, 'secret', ARGV[2])
  for _, counter in ipairs({ 'seq', 'live', 'bytes', 'sent', 'acked', 'expired', 'dead', 'mask', 'low', 'sweep', 'sweepAt', 'paused' }) do
    set(counter, 0)
  end
end
local due = tell_due(ARGV[3])
save()
return { 1, due }
