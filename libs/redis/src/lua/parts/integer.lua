-- Whole numbers as text: Lua itself writes large ones as 1.7e+15. A command of Redis takes a number as it is.
-- Leaves: int(number), for whole numbers below 2^53.
local function int(number)
  return string.format('%d', number)
end
