-- Waiting requests. One request may wait for several names: it stands in the queue of each, and is served when
-- it is first in all of them and fits in all of them. Requests enter all their queues in one step, so the
-- queues agree on who was first, and requests never wait for each other in a circle.
-- @include holders.lua

local MOST_STEPS = 512
-- A node is taken for dead when it was silent for this long; its requests are then passed over.
local NODE_LEASE_MS = 2500

-- Requests that the asking node vouches for, wait id -> claim: it has their callers on the line at this moment,
-- so what they are served with is theirs at once. `served` lists them for its reply: wait id, record, end, ...
local vouched, served = {}, {}
-- Run of the node that asks, where it says so.
local RUN = ARGV[2]

-- A wait id is <lease id>/<name>,<name>...: it says by itself what the request asks for.
local function wanted(id)
  local names = {}
  for n in id:sub(38):gmatch('[^,]+') do names[#names + 1] = n end
  return id:sub(1, 36), names
end

-- A waiting request. Its items are name, permits, again for each name.
local function wait(id)
  local text = redis.call('HGET', P .. 'w', id)
  if not text then return nil end
  local ttl, deadline, weights, runs, session, owner, metadata =
    text:match('^(%d+) (%d+) (%S+) (%S+) (%S+) (%S+) (.*)$')
  local w = {
    ttl = tonumber(ttl), deadline = tonumber(deadline), runs = runs, session = session, owner = owner,
    metadata = metadata,
  }
  local weight, names = weights:gmatch('%d+'), nil
  w.lease, names = wanted(id)
  w.items = {}
  for i, n in ipairs(names) do w.items[2 * i - 1], w.items[2 * i] = n, tonumber(weight()) end
  return w
end

local function keep_wait(id, w)
  local weights = {}
  for i = 2, #w.items, 2 do weights[i / 2] = int(w.items[i]) end
  redis.call('HSET', P .. 'w', id, table.concat({ int(w.ttl), int(w.deadline),
    table.concat(weights, ','), w.runs, w.session, w.owner, w.metadata }, ' '))
end

local function runs(list)
  return list:gmatch('[^,]+')
end

local function without(list, run)
  local rest = {}
  for each in runs(list) do if each ~= run then rest[#rest + 1] = each end end
  return table.concat(rest, ',')
end

-- Until when one of these node runs is known to live; 0 when none does.
local function alive_until(list)
  local latest = 0
  for run in runs(list) do
    latest = math.max(latest, tonumber(redis.call('ZSCORE', P .. 'nodes', run) or '0'))
  end
  return latest > now and latest or 0
end

-- Takes a request out of its queues. Its names go to `names`, whose next ones may now be served.
local function leave(id, w, names)
  for i = 1, #w.items, 2 do
    local st = state(w.items[i])
    redis.call('ZREM', P .. 'q:' .. st.n, id)
    st.waiting = st.waiting - 1
    st.changed = true
    if names then names[#names + 1] = st.n end
  end
  redis.call('HDEL', P .. 'w', id)
  redis.call('SREM', P .. 'o:' .. w.owner, id)
  if w.session ~= '-' then redis.call('SREM', P .. 'L:' .. w.session, id) end
  for run in runs(w.runs) do redis.call('SREM', P .. 'n:' .. run, id) end
end

-- Leaves word for the nodes that hold the request: kept until they fetch it, with a hint that it is there.
local function notify(id, w, outcome)
  for run in runs(w.runs) do
    redis.call('HSET', P .. 'g:' .. run, id, outcome)
    local channel = CHANNEL .. 'lock.granted.' .. run:match('^(.-)~')
    redis.call('PUBLISH', channel, '{"pattern":"lock.granted","data":{"run":"' .. run .. '","id":"' .. id .. '"}}')
  end
end

local function fits(w)
  for i = 1, #w.items, 2 do
    local st = state(w.items[i])
    if st.used + w.items[i + 1] > st.limit then return false end
  end
  return true
end

local function first_everywhere(id, w)
  for i = 1, #w.items, 2 do
    if redis.call('ZRANGE', P .. 'q:' .. w.items[i], 0, 0)[1] ~= id then return false end
  end
  return true
end

-- Serves a request: its leases count from now. They are its own when its only node vouches for it; else only
-- when a node that holds it takes them up before that node's own time is over.
local function serve(id, w, arrival, until_ms, names)
  leave(id, w, names)
  local waited = int(math.max(0, now - math.floor(arrival / 1000)))
  local claim = w.runs == RUN and vouched[id]
  local expiry = w.session ~= '-' and until_ms or math.min(until_ms, now + w.ttl)
  if claim then
    expiry = w.session ~= '-' and 'inf' or now + w.ttl
    served[#served + 1] = id
  end
  for i = 1, #w.items, 2 do
    local st = state(w.items[i])
    local r = {
      waited = waited, ttl = w.ttl, weight = w.items[i + 1], state = claim and 'T:' .. claim or 'P:' .. w.runs,
      session = w.session, owner = w.owner, metadata = w.metadata,
    }
    grant(st, w.lease, r, expiry)
    if claim then
      local at = int(ends(r, expiry))
      log('acquired', st, w.lease, st.records[w.lease], at)
      served[#served + 1] = st.records[w.lease]
      served[#served + 1] = at
    end
  end
  if not claim then notify(id, w, 'granted') end
end

-- Serves the queues of these names as far as they can be served now. Requests of dead nodes, and those that
-- waited long enough, are passed over. Nobody overtakes: who does not fit stops the queue.
local function promote(names)
  local at, steps = 1, 0
  while names[at] do
    local st = state(names[at])
    while st.waiting > 0 do
      steps = steps + 1
      if steps > MOST_STEPS then
        look_by(st, now)
        break
      end
      local head = redis.call('ZRANGE', P .. 'q:' .. st.n, 0, 0, 'WITHSCORES')
      local id = head[1]
      local w = wait(id)
      local until_ms = alive_until(w.runs)
      if until_ms == 0 or w.deadline <= now then
        leave(id, w, names)
      elseif w.items[2] > st.limit and #w.items == 2 then
        -- The semaphore became too small for it.
        leave(id, w, names)
        notify(id, w, 'limit:' .. int(st.limit))
      elseif fits(w) and (#w.items == 2 or first_everywhere(id, w)) then
        serve(id, w, tonumber(head[2]), until_ms, names)
      else
        break
      end
    end
    at = at + 1
  end
end

-- Brings a name up to date: what is over ends, who is next is served.
local function touch(n)
  local st = state(n)
  if st.used > 0 then expire(st) end
  if st.waiting > 0 then promote({ n }) end
end

-- A node gives up a request that it held: it leaves the queue, or gives its leases back, unless another node
-- holds it too. A lease that its caller was told of stays.
local function give_up(run, id, claim)
  local lease, items = wanted(id)
  redis.call('HDEL', P .. 'g:' .. run, id)
  local names = {}
  local w = wait(id)
  if w then
    w.runs = without(w.runs, run)
    if w.runs == '' then
      w.runs = run
      leave(id, w, names)
    else
      keep_wait(id, w)
      redis.call('SREM', P .. 'n:' .. run, id)
    end
  else
    for _, n in ipairs(items) do
      local st = state(n)
      local rec = record(st, lease)
      local r = rec and parse(rec)
      if r and r.state:sub(1, 2) == 'P:' then
        local rest = without(r.state:sub(3), run)
        if rest == '' then
          drop(st, lease, r)
          names[#names + 1] = n
        else
          r.state = 'P:' .. rest
          put(st, lease, format(r))
        end
      elseif r and r.state == 'T:' .. claim then
        drop(st, lease, r)
        log('released', st, lease, rec, now)
        names[#names + 1] = n
      end
    end
  end
  promote(names)
end
