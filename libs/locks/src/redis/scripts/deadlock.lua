#!lua flags=allow-oom
-- Finds out whether a waiting request is the youngest in a circle of owners that wait for each other, and ends
-- its wait if so. One call sees all edges at one moment, so what it finds is no phantom.
--
-- An owner is stuck when it waits and none of its waits can ever end. A wait can never end when too few permits
-- are left beside those of stuck owners, or when a stuck wait stands before it in the queue (nobody overtakes).
-- This is the greatest fixed point of those two rules over the waits within reach, as in deadlock detection for
-- the AND-OR model; a circle is then looked for among the stuck ones only.
--
-- KEYS 1 prefix of the shard
-- ARGV 1 process id  2 wait id
-- Returns nil, or the circle: {owner, name it waits for, owner in the way, ...}; the wait has then ended.
-- Invariant: exactly one request of a circle is given up: the youngest.
-- @include parts/queue.lua
local MOST_HOLDERS, MOST_AHEAD, MOST_WAITS_OF_OWNER, MOST_WAITS = 256, 128, 64, 512

-- Waits within reach by their ids, and how many; wait ids by owners.
local waits, count, owners

local function waits_of(owner)
  if not owners[owner] then
    local ids = redis.call('SMEMBERS', prefix .. 'o:' .. owner)
    owners[owner] = #ids <= MOST_WAITS_OF_OWNER and ids or {}
  end
  return owners[owner]
end

-- Owners of the leases of a name and their permits.
local function holders_of(id)
  local name = Name.of(id)
  local ids, holders = {}, {}
  for i, each in ipairs(Name.holders(name, MOST_HOLDERS)) do
    if i % 2 == 1 then ids[#ids + 1] = each end
  end
  Name.read_records(name, ids)
  for i, each in ipairs(ids) do
    local lease = Lease.parse(Name.record(name, each))
    holders[i] = { owner = lease.owner, weight = lease.weight }
  end
  return holders
end

-- Cheap and usual answer first: a circle leads back to its youngest through a lease that its owner holds.
local function may_be_stuck(me)
  local seen, names, at = {}, {}, 1
  local function add(wait)
    for _, name in ipairs(wait.names) do
      if not seen[name] then
        seen[name] = true
        names[#names + 1] = name
      end
    end
  end
  add(me)
  while names[at] and at <= MOST_WAITS do
    for _, holder in ipairs(holders_of(names[at])) do
      if holder.owner == me.owner then return true end
      for _, id in ipairs(waits_of(holder.owner)) do add(Wait.find(id)) end
    end
    for _, id in ipairs(redis.call('ZRANGE', prefix .. 'q:' .. names[at], 0, MOST_AHEAD - 1)) do
      -- One that waits for this name alone leads nowhere else.
      if WaitId.is_for_several(id) then add(Wait.find(id)) end
    end
    at = at + 1
  end
  return false
end

local function visit(wait)
  count = count + 1
  -- A request that ends by itself, because its process died, its client went away or its time is over, stands in nobody's way
  -- for ever.
  local me = {
    id = wait.id, owner = wait.owner, items = {},
    stuck = wait.deadline > now and not Absence.is(wait.processes) and Process.alive_until(wait.processes) > 0,
  }
  waits[wait.id] = me
  for i, name in ipairs(wait.names) do
    me.arrival = redis.call('ZSCORE', prefix .. 'q:' .. name, wait.id) + 0
    me.items[i] = {
      name = name, weight = wait.weights[i], holders = holders_of(name),
      ahead = redis.call('ZRANGE', prefix .. 'q:' .. name, '-inf', '(' .. int(me.arrival), 'BYSCORE',
        'LIMIT', 0, MOST_AHEAD),
    }
  end
  return me
end

local function collect(first)
  local todo, at = { visit(first) }, 1
  local function reach(id)
    if waits[id] or count >= MOST_WAITS then return end
    local other = Wait.find(id)
    if other then todo[#todo + 1] = visit(other) end
  end
  while todo[at] do
    for _, item in ipairs(todo[at].items) do
      for _, holder in ipairs(item.holders) do
        for _, id in ipairs(waits_of(holder.owner)) do reach(id) end
      end
      for _, id in ipairs(item.ahead) do reach(id) end
    end
    at = at + 1
  end
end

local function is_stuck(owner)
  local ids = waits_of(owner)
  for _, id in ipairs(ids) do
    if not waits[id] or not waits[id].stuck then return false end
  end
  return #ids > 0
end

local function blocked_by_holders(item)
  local never = 0
  for _, holder in ipairs(item.holders) do
    if is_stuck(holder.owner) then never = never + holder.weight end
  end
  return Name.of(item.name).limit - never < item.weight
end

local function is_blocked(item)
  for _, id in ipairs(item.ahead) do
    if waits[id] and waits[id].stuck then return true end
  end
  return blocked_by_holders(item)
end

local function prune()
  local changed = true
  while changed do
    changed = false
    for _, each in pairs(waits) do
      if each.stuck then
        local hopeless = false
        for _, item in ipairs(each.items) do hopeless = hopeless or is_blocked(item) end
        if not hopeless then each.stuck, changed = false, true end
      end
    end
  end
end

-- A circle from a stuck wait to the last one: a list of {owner, name, owner in the way}, and its waits.
local function circle(id, last, path, visited)
  visited[id] = true
  local me = waits[id]
  for _, item in ipairs(me.items) do
    local edges = {}
    if blocked_by_holders(item) then
      for _, holder in ipairs(item.holders) do
        for _, other in ipairs(waits_of(holder.owner)) do edges[#edges + 1] = other end
      end
    end
    for _, other in ipairs(item.ahead) do edges[#edges + 1] = other end
    for _, other in ipairs(edges) do
      if waits[other] and waits[other].stuck then
        path[#path + 1] = { id = id, step = { me.owner, string.sub(item.name, 3), waits[other].owner } }
        if other == last then return path end
        if not visited[other] and circle(other, last, path, visited) then return path end
        path[#path] = nil
      end
    end
  end
  return nil
end

return function()
  local process, id = ARGV[1], ARGV[2]
  waits, count, owners = {}, 0, {}
  local wait = Wait.find(id)
  if not wait or not may_be_stuck(wait) then return nil end
  collect(wait)
  prune()
  if not waits[id].stuck then return nil end
  local path = circle(id, id, {}, {})
  if not path then return nil end
  for _, each in ipairs(path) do
    if waits[each.id].arrival > waits[id].arrival then return nil end
  end

  local reply, freed = {}, {}
  for _, each in ipairs(path) do
    for _, field in ipairs(each.step) do reply[#reply + 1] = field end
  end
  -- Another process may hold the same request: it has to hear of it, too.
  wait.processes = Process.without(wait.processes, process)
  if wait.processes ~= '' then Wait.record_outcome(wait, 'deadlock:' .. cjson.encode(reply)) end
  wait.processes = wait.processes == '' and process or wait.processes .. ',' .. process
  Wait.leave(wait, freed)
  Queue.promote(freed)
  Name.save()
  return reply
end
