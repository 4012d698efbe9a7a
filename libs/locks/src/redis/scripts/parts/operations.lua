-- Operations of one turn: each as if it had come alone, written together.
-- KEYS 1 prefix of the shard (see name.lua)
-- ARGV 1 process id, then of each operation: its kind, number of its fields, fields (see the part of each)
-- Leaves: Operations.run(full): of each, in their order, how many fields its answer has, and those; `full`: Redis is, so only what needs no new memory is done.
-- @include parts/acquire.lua
-- @include parts/renew.lua
-- @include parts/release.lua
local Operations = {}
local kinds = { acquire = Acquire.run, ['acquire-within'] = Acquire.run_within, renew = Renew.run, release = Release.run }

function Operations.run(full)
  Acquire.full = full
  answered = 0
  local at = 2
  while ARGV[at] do
    local run, first, place = kinds[ARGV[at]], at + 2, answered + 1
    at = first + ARGV[at + 1]
    answered = place
    run(first, at - 1)
    answers[place] = answered - place
  end
  Name.save()
  return all_answers()
end
