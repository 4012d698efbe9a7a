-- Whole numbers as text: Lua writes large ones as 1.7e+15. Numbers can be passed to redis.call unchanged.
-- Leaves: int(number), for whole numbers below 2^53.
local function int(number)
  return string.format('%d', number)
end
