-- The operations of operate.lua. FULL: Redis is full, so only what needs no new memory is done.
-- @include acquire.lua
-- @include renew.lua
-- @include release.lua
local OPERATIONS = {
  acquire = { keys_of_acquire, acquire }, renew = { keys_of_renew, renew }, release = { keys_of_release, release },
}

-- Calls the part of each operation that is meant, with the places of its first and its last field.
local function each_operation(part, call)
  local at = 3
  while ARGV[at] do
    local last = at + 1 + tonumber(ARGV[at + 1])
    call(OPERATIONS[ARGV[at]][part], at + 2, last)
    at = last + 1
  end
end

local keys, replies = { P .. 'watching', P .. 'pulse' }, {}
each_operation(1, function(add_keys, first, last) add_keys(first, last, keys) end)
Name.recall(keys)
each_operation(2, function(operate, first, last) replies[#replies + 1] = operate(first, last) end)
Name.save()
return replies
