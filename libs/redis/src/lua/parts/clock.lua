-- The clock of Redis, read once for each call.
-- Leaves: now, in whole milliseconds; micros, the same instant in microseconds.
local now, micros
each_call(function()
  local time = redis.call('TIME')
  micros = time[1] * 1000000 + time[2]
  now = (micros - micros % 1000) / 1000
end)
