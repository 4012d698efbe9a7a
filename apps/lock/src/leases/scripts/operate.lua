-- Acquires, renews and releases, one after the other: each as if it had come alone, written down together.
-- KEYS 1 prefix of the shard (see state.lua)
-- ARGV 1 channel prefix  2 run of the node, then of each operation: its kind, number of its fields, fields
-- Returns the answers of the operations, in their order.
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

local keys, replies = { P .. 'watching' }, {}
each_operation(1, function(add_keys, first, last) add_keys(first, last, keys) end)
Name.recall(keys)
each_operation(2, function(operate, first, last) replies[#replies + 1] = operate(first, last) end)
Name.save()
return replies
