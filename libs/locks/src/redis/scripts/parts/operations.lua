-- Operations of one turn: each as if it had come alone, written together.
-- KEYS 1 prefix of the shard (see name.lua)
-- ARGV 1 process id, then of each operation: its kind, number of its fields, fields (see the part of each)
-- Leaves: Operations.run(full): their answers in their order; `full`: Redis is, so only what needs no new memory is done.
-- @include parts/acquire.lua
-- @include parts/renew.lua
-- @include parts/release.lua
local Operations = {}
local kinds = { acquire = Acquire.run, ['acquire-within'] = Acquire.run_within, renew = Renew.run, release = Release.run }

function Operations.run(full)
  Acquire.full = full
  local replies, count, at = {}, 0, 2
  while ARGV[at] do
    local first = at + 2
    local next_at = first + ARGV[at + 1]
    count = count + 1
    replies[count] = kinds[ARGV[at]](first, next_at - 1)
    at = next_at
  end
  Name.save()
  return replies
end
