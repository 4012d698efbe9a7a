#!lua flags=no-writes
-- The waits that a wait, or the waits of owners, can depend on, as far as this shard goes: all as of one moment.
-- KEYS 1 prefix of the shard
-- ARGV 1 wait id ('': none), then owners
-- Returns {of each owner that was reached: {owner, wait id, ...}, of each wait: {wait id, owner, arrival, '1' when it does not end
--         by itself, {of each name: {name, weight, limit, {lease id, owner, weight, ...}, {wait id ahead, ...}}}}}.
-- @include parts/obstacles.lua
local MOST_AHEAD, MOST_WAITS = 128, 512

local function item_of(wait, i, arrival)
  local name, holders = wait.names[i], {}
  for _, holder in ipairs(Obstacles.holders(name)) do
    local at = #holders
    holders[at + 1], holders[at + 2], holders[at + 3] = holder.lease, holder.owner, holder.weight
  end
  local ahead = redis.call('ZRANGE', prefix .. 'q:' .. name, '-inf', '(' .. arrival, 'BYSCORE', 'LIMIT', 0, MOST_AHEAD)
  return { name, wait.weights[i], Name.of(name).limit, holders, ahead }
end

-- A request whose process died, whose client went away or whose time is over stands in nobody's way for ever.
local function lasts(wait)
  return wait.deadline > now and not Absence.is(wait.processes) and Process.alive_until(wait.processes) > 0
end

return function()
  local owners, waits, known, todo, seen = {}, {}, {}, {}, {}
  local function reach(id)
    if seen[id] or #todo >= MOST_WAITS then return end
    seen[id] = true
    todo[#todo + 1] = Wait.find(id)
  end
  local function reach_owner(owner)
    if known[owner] then return end
    known[owner] = true
    local ids = Obstacles.waits_of(owner)
    owners[#owners + 1] = { owner, unpack(ids) }
    for _, id in ipairs(ids) do reach(id) end
  end

  if ARGV[1] ~= '' then reach(ARGV[1]) end
  for i = 2, #ARGV do reach_owner(ARGV[i]) end
  local at = 1
  while todo[at] do
    local wait, items = todo[at], {}
    reach_owner(wait.owner)
    local arrival = redis.call('ZSCORE', prefix .. 'q:' .. wait.names[1], wait.id)
    for i = 1, #wait.names do
      local item = item_of(wait, i, arrival)
      for k = 2, #item[4], 3 do reach_owner(item[4][k]) end
      for _, id in ipairs(item[5]) do reach(id) end
      items[i] = item
    end
    waits[at] = { wait.id, wait.owner, arrival, lasts(wait) and '1' or '0', items }
    at = at + 1
  end
  return { owners, waits }
end
