-- What a call answers: texts and numbers, one after the other. A table in a reply costs Redis as much as ten of them, so there is
-- one list; the next call takes it again.
-- Leaves: answers, the list; answered, how many stand in it: 0 where a call begins; answer(first, second, third): adds up to three
--         all_answers(), for Redis
local answers, answered = {}, 0

local function answer(first, second, third)
  local at = answered
  answers[at + 1], answers[at + 2], answers[at + 3] = first, second, third
  answered = at + (third and 3 or second and 2 or 1)
end

local function all_answers()
  answers[answered + 1] = nil
  return answers
end
