-- A node with parked receivers is heard of: they keep their place for as long as it says so.
-- @include clock.lua
-- What a dead node left behind goes by itself.
local LINE_KEPT_MS = 30000
local function keep_line(node, lease)
  call('HSET', base .. 'wn', node, now + lease)
  call('PEXPIRE', base .. 'wn', LINE_KEPT_MS)
  call('PEXPIRE', base .. 'w', LINE_KEPT_MS)
end

-- Puts a waiter in its place. Returns that: its arrival, which is now when there was none before.
local function park(waiter, arrival, lease)
  if arrival == '' then arrival = string.format('%.0f', tonumber(time[1]) * 1000000 + tonumber(time[2])) end
  call('ZADD', base .. 'w', arrival, waiter)
  keep_line(string.match(waiter, '^(.-)#'), lease)
  return arrival
end
