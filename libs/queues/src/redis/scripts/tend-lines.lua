#!lua flags=allow-oom
-- A node's word that its parked receivers still wait, for many queues at once; what makes up for lost hints.
-- KEYS queues (see state.lua)
-- ARGV 1 node  2 its lease, ms, then for each queue: how many waiters, and of each its arrival and 'NODE#ID'
-- Returns for each queue how many of them should try now, because there is or may be something for them; -1 when there is
--         no such queue.
-- @include clock.lua
-- @include keep-line.lua
local reply, last = {}, 2
for i, queue in ipairs(KEYS) do
  local line, first = string.sub(queue, 1, -6), last + 2
  last = last + 1 + 2 * ARGV[last + 1]
  local gen, live, mask, due, paused = unpack(call('HMGET', queue, 'gen', 'live', 'mask', 'due', 'paused'))
  if gen and last > first then
    for from = first, last, 1000 do
      call('ZADD', line .. 'w', 'NX', unpack(ARGV, from, math.min(from + 999, last)))
    end
    keep_line(line, ARGV[1], tonumber(ARGV[2]))
  end
  if not gen then
    reply[i] = -1
  elseif paused == '1' then
    reply[i] = 0
  elseif (tonumber(due) or math.huge) <= now then
    reply[i] = 1
  elseif mask == '0' and call('EXISTS', line .. gen .. ':ranked') == 0 then
    reply[i] = 0
  else
    local waiting = live - call('ZCARD', line .. gen .. ':inFlight') - call('ZCARD', line .. gen .. ':delayed')
    reply[i] = math.max(1, waiting)
  end
end
return reply
