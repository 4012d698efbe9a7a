-- Acquires, renews and releases, one after the other: each as if it had come alone, written down together.
-- KEYS 1 prefix of the shard (see state.lua)
-- ARGV 1 channel prefix  2 run of the node, then of each operation: its kind, number of its fields, fields
-- Returns the answers of the operations, in their order.
-- @include acquire.lua
-- @include renew.lua
-- @include release.lua
local OPERATIONS = {
  acquire = { read_acquire, acquire }, renew = { read_renew, renew }, release = { read_release, release },
}

local todo, keys, at = {}, {}, 3
while ARGV[at] do
  local kind, first, last = ARGV[at], at + 2, at + 1 + tonumber(ARGV[at + 1])
  local read, run = unpack(OPERATIONS[kind])
  local a = read(first, last)
  todo[#todo + 1] = { run = run, a = a }
  if kind == 'acquire' then
    for _, item in ipairs(a.items) do
      keys[#keys + 1] = P .. 't:' .. item.n
      if not a.fresh then keys[#keys + 1] = P .. 's:' .. item.n .. ' ' .. a.lease end
    end
  elseif kind == 'release' then
    for _, n in ipairs(a.names) do keys[#keys + 1] = P .. 't:' .. n end
  end
  at = last + 1
end
if #keys > 0 then Name.recall(keys) end

local replies = {}
for i, each in ipairs(todo) do replies[i] = each.run(each.a) end
Name.save()
return replies
