-- Redis' clock, read once, and the names of the queue's keys.
local call = redis.call
local time = call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local base = string.sub(KEYS[1], 1, -6)
local name = string.sub(base, 17, -3)
