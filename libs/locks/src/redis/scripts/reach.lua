#!lua flags=no-writes
-- Whom waits lead to: owners of the leases that stand in their way, in the way of the waits of these owners, and so on, as far as
-- this shard goes.
-- KEYS 1 prefix of the shard
-- ARGV 1 how many wait ids, those, then owners
-- Returns for each wait {its owner, owner it leads to, ...}, {} when there is none; for each owner {owner that its waits in this
--         shard lead to, ...}.
-- @include parts/obstacles.lua
local MOST_NAMES, MOST_AHEAD = 512, 128

local function reached_from(waits)
  local names, seen, owners, known = {}, {}, {}, {}
  local function add(wait)
    if not wait then return end
    for _, name in ipairs(wait.names) do
      if not seen[name] then
        seen[name] = true
        names[#names + 1] = name
      end
    end
  end
  for _, wait in ipairs(waits) do add(wait) end
  local at = 1
  while names[at] and at <= MOST_NAMES do
    for _, holder in ipairs(Obstacles.holders(names[at])) do
      if not known[holder.owner] then
        known[holder.owner] = true
        owners[#owners + 1] = holder.owner
        for _, id in ipairs(Obstacles.waits_of(holder.owner)) do add(Wait.find(id)) end
      end
    end
    for _, id in ipairs(redis.call('ZRANGE', prefix .. 'q:' .. names[at], 0, MOST_AHEAD - 1)) do
      -- One that waits for this name alone leads nowhere else.
      if WaitId.is_for_several(id) then add(Wait.find(id)) end
    end
    at = at + 1
  end
  return owners
end

return function()
  local waits, reply = ARGV[1] + 0, {}
  for i = 2, 1 + waits do
    local wait = Wait.find(ARGV[i])
    local owners = wait and reached_from({ wait }) or {}
    if wait then table.insert(owners, 1, wait.owner) end
    reply[i - 1] = owners
  end
  for i = 2 + waits, #ARGV do
    local own = {}
    for _, id in ipairs(Obstacles.waits_of(ARGV[i])) do own[#own + 1] = Wait.find(id) end
    reply[i - 1] = reached_from(own)
  end
  return reply
end
