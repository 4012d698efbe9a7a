#!lua flags=allow-oom
-- A node says who is parked at it, in many queues at once, in case that hints were lost or that Redis lost data.
-- KEYS queues (see parts/queue.lua)
-- ARGV for each queue: how many waiters, and of each its arrival and 'NODE#ID'
-- Returns for each queue how many of them should try now, because there is or may be something for them; -1 when there is
--         no such queue.
-- @include @redis/clock.lua
local MOST_AT_ONCE = 1000

return function()
  local reply, last = {}, 0
  for i, queue in ipairs(KEYS) do
    local prefix, first = string.sub(queue, 1, -6), last + 2
    last = last + 1 + 2 * ARGV[last + 1]
    local gen, live, mask, due, paused, most = unpack(redis.call('HMGET', queue, 'gen', 'live', 'mask', 'due', 'paused', 'maxInFlight'))
    if gen then
      for from = first, last, MOST_AT_ONCE do
        redis.call('ZADD', prefix .. 'w', 'NX', unpack(ARGV, from, math.min(from + MOST_AT_ONCE - 1, last)))
      end
    end
    if not gen then
      reply[i] = -1
    elseif paused == '1' then
      reply[i] = 0
    elseif (tonumber(due) or math.huge) <= now then
      reply[i] = 1
    elseif live == '0' or (mask == '0' and redis.call('EXISTS', prefix .. gen .. ':ranked') == 0) then
      reply[i] = 0
    else
      local own = prefix .. gen .. ':'
      local in_flight = redis.call('ZCARD', own .. 'inFlight')
      local room = (tonumber(most) or math.huge) - in_flight
      reply[i] = math.max(0, math.min(room, math.max(1, live - in_flight - redis.call('ZCARD', own .. 'delayed'))))
    end
  end
  return reply
end
