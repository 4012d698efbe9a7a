#!lua flags=allow-oom
-- Finds out whether a waiting request is the youngest in a circle of owners that wait for each other, and ends
-- its wait if so. One script sees all edges at one moment, so what it finds is no phantom.
--
-- An owner is stuck when it waits and none of its waits can ever end. A wait can never end when too few permits
-- are left beside those of stuck owners, or when a stuck wait stands before it in the queue (nobody overtakes).
-- This is the greatest fixed point of those two rules over the waits within reach, as in deadlock detection for
-- the AND-OR model; a circle is then looked for among the stuck ones only.
--
-- KEYS 1 prefix of the shard
-- ARGV 1 channel prefix  2 run of the node  3 wait id
-- Returns nil, or the circle: {owner, name it waits for, owner in the way, ...}; the wait has then ended.
-- Invariant: exactly one request of a circle is given up: the youngest.
-- @include queue.lua
local ME = ARGV[3]
local MOST_HOLDERS, MOST_AHEAD, MOST_WAITS_OF_OWNER, MOST_WAITS = 256, 128, 64, 512

local waits, count, owners = {}, 0, {}

local function arrival(id, n)
  return tonumber(redis.call('ZSCORE', P .. 'q:' .. n, id))
end

local function waits_of(owner)
  if not owners[owner] then
    local ids = redis.call('SMEMBERS', P .. 'o:' .. owner)
    owners[owner] = #ids <= MOST_WAITS_OF_OWNER and ids or {}
  end
  return owners[owner]
end

-- Owners of the leases of a name and their permits.
local function holders_of(n)
  local st = Name.of(n)
  local ids, holders = {}, {}
  for i, id in ipairs(Lease.list(st, MOST_HOLDERS)) do
    if i % 2 == 1 then ids[#ids + 1] = id end
  end
  if st.several then
    for i, rec in ipairs(redis.call('HMGET', P .. 'm:' .. n, unpack(ids))) do st.records[ids[i]] = rec end
  end
  for i, id in ipairs(ids) do
    local r = Lease.parse(Name.record(st, id))
    holders[i] = { owner = r.owner, weight = r.weight }
  end
  return holders
end

-- Cheap and usual answer first: a circle leads back to its youngest through a lease that its owner holds.
local function may_be_stuck(me)
  local seen, names, at = {}, {}, 1
  local function add(w)
    for i = 1, #w.items, 2 do
      if not seen[w.items[i]] then
        seen[w.items[i]] = true
        names[#names + 1] = w.items[i]
      end
    end
  end
  add(me)
  while names[at] and at <= MOST_WAITS do
    for _, holder in ipairs(holders_of(names[at])) do
      if holder.owner == me.owner then return true end
      for _, id in ipairs(waits_of(holder.owner)) do add(Wait.find(id)) end
    end
    for _, id in ipairs(redis.call('ZRANGE', P .. 'q:' .. names[at], 0, MOST_AHEAD - 1)) do
      -- One that waits for this name alone leads nowhere else.
      if id:find(',', 38, true) then add(Wait.find(id)) end
    end
    at = at + 1
  end
  return false
end

local function visit(id, w)
  count = count + 1
  -- A request that ends by itself, because its node died, its caller went away or its time is over, stands in nobody's way for ever.
  local me = {
    id = id, owner = w.owner, items = {},
    stuck = w.deadline > now and not Wait.is_absence(w.runs) and Wait.alive_until(w.runs) > 0,
  }
  waits[id] = me
  for i = 1, #w.items, 2 do
    local n = w.items[i]
    me.arrival = arrival(id, n)
    me.items[#me.items + 1] = {
      n = n, weight = w.items[i + 1], holders = holders_of(n),
      ahead = redis.call('ZRANGE', P .. 'q:' .. n, '-inf', '(' .. int(me.arrival), 'BYSCORE',
        'LIMIT', 0, MOST_AHEAD),
    }
  end
  return me
end

local function collect(first, w)
  local todo, at = { visit(first, w) }, 1
  local function reach(id)
    if waits[id] or count >= MOST_WAITS then return end
    local other = Wait.find(id)
    if other then todo[#todo + 1] = visit(id, other) end
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

local function stuck(owner)
  local ids = waits_of(owner)
  for _, id in ipairs(ids) do
    if not waits[id] or not waits[id].stuck then return false end
  end
  return #ids > 0
end

local function blocked_by_holders(item)
  local never = 0
  for _, holder in ipairs(item.holders) do
    if stuck(holder.owner) then never = never + holder.weight end
  end
  return Name.of(item.n).limit - never < item.weight
end

local function blocked(item)
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
        for _, item in ipairs(each.items) do hopeless = hopeless or blocked(item) end
        if not hopeless then each.stuck, changed = false, true end
      end
    end
  end
end

-- A circle from a stuck wait back to itself: a list of {owner, name, owner in the way}, and its waits.
local function circle(id, path, visited)
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
        path[#path + 1] = { id = id, step = { me.owner, item.n:sub(3), waits[other].owner } }
        if other == ME then return path end
        if not visited[other] and circle(other, path, visited) then return path end
        path[#path] = nil
      end
    end
  end
  return nil
end

local me = Wait.find(ME)
if not me or not may_be_stuck(me) then return nil end
collect(ME, me)
prune()
if not waits[ME].stuck then return nil end
local path = circle(ME, {}, {})
if not path then return nil end
for _, each in ipairs(path) do
  if waits[each.id].arrival > waits[ME].arrival then return nil end
end

local reply, names = {}, {}
for _, each in ipairs(path) do
  for _, part in ipairs(each.step) do reply[#reply + 1] = part end
end
-- Another node may hold the same request: it has to hear of it, too.
me.runs = Wait.without(me.runs, ARGV[2])
if me.runs ~= '' then Wait.notify(ME, me, 'deadlock:' .. cjson.encode(reply)) end
me.runs = me.runs == '' and ARGV[2] or me.runs .. ',' .. ARGV[2]
Wait.leave(ME, me, names)
Wait.promote(names)
Name.save()
return reply
