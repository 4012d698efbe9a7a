-- A node's word, once a second, that its parked receivers still wait; what makes up for lost hints.
-- KEYS 1 queue (see state.lua)
-- ARGV 1 node  2 its lease, ms, then arrival and 'NODE#ID' of its waiters
-- Returns how many of them should try now, because there is or may be something for them; -1 when there is no
--         such queue.
-- @include ready.lua
-- @include wake.lua
if not open({ 'gen', 'live', 'mask', 'due', 'paused' }) then return -1 end
if #ARGV > 2 then
  for from = 3, #ARGV, 1000 do call('ZADD', base .. 'w', 'NX', unpack(ARGV, from, math.min(from + 999, #ARGV))) end
  keep_line(ARGV[1], tonumber(ARGV[2]))
end
if q.paused == 1 then return 0 end
if q.due and q.due <= now then return 1 end
if not any_ready() then return 0 end
return math.max(1, q.live - call('ZCARD', key('inFlight')) - call('ZCARD', key('delayed')))
