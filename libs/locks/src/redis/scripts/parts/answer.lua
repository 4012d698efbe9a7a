-- What a call answers: texts and numbers, one after the other. A table in a reply costs Redis as much as ten of them, so there is
-- one list; the next call takes it again.
-- Leaves: answer(first, second, third): adds up to three of them
--         Answer.begin(); Answer.begin_part(), returns where its length is to stand, Answer.end_part(place); Answer.list()
local Answer = {}
local answers, answered = {}, 0

local function answer(first, second, third)
  answers[answered + 1], answers[answered + 2], answers[answered + 3] = first, second, third
  answered = answered + (third and 3 or second and 2 or 1)
end

function Answer.begin()
  answered = 0
end

function Answer.begin_part()
  answered = answered + 1
  return answered
end

function Answer.end_part(place)
  answers[place] = answered - place
end

function Answer.list()
  answers[answered + 1] = nil
  return answers
end
