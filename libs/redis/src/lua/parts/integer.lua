-- Whole numbers as text: Lua writes large ones as 1.7e+15. A number may be passed to redis.call unchanged, but Redis takes several times as
-- long to print it.
-- Leaves: int(number), for whole numbers below 2^53.
local int
do
  -- Those of few digits are printed once.
  local FEW_DIGITS = 4
  local printed = {}

  function int(number)
    local text = printed[number]
    if not text then
      text = string.format('%d', number)
      if #text <= FEW_DIGITS and text + 0 == number then printed[number] = text end
    end
    return text
  end
end
