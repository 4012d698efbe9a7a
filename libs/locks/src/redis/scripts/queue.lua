-- Waiting requests. One request may wait for several names: it stands in the queue of each, and is served when
-- it is first in all of them and fits in all of them. Requests enter all their queues in one step, so the
-- queues agree on who was first, and requests never wait for each other in a circle.
-- @include holders.lua

local Wait = {}
local MOST_STEPS = 512
-- A node is taken for dead when it was silent for this long; its requests are then passed over.
local NODE_LEASE_MS = 2500
-- Nodes beat this often. When none at all was heard for longer than that allows, it was Redis that was away.
local BEAT_MS, MOST_SILENCE_MS = 500, 1500
-- A caller that was cut off finds its place, and what it was served with meanwhile, when it is back within this time.
local RETURN_MS, RETURN_STEP_MS = 2000, 250

-- Requests that the asking node vouches for, wait id -> claim: it has their callers on the line at this moment,
-- so what they are served with is theirs at once. `served` lists them for its reply: wait id, record, end, ...
local vouched, served = {}, {}
-- Node runs -> until when they live, as far as this script asked.
local lives = {}
-- Run of the node that asks, where it says so.
local RUN = ARGV[2]

-- A wait id is <lease id>/<name>,<name>...: it says by itself what the request asks for.
function Wait.wanted(id)
  local names = {}
  for n in id:sub(38):gmatch('[^,]+') do names[#names + 1] = n end
  return id:sub(1, 36), names
end

-- A waiting request. Its items are name, permits, again for each name.
function Wait.find(id)
  local text = redis.call('HGET', P .. 'w', id)
  if not text then return nil end
  local ttl, deadline, weights, runs, session, owner, metadata =
    text:match('^(%d+) (%d+) (%S+) (%S+) (%S+) (%S+) (.*)$')
  local w = {
    ttl = tonumber(ttl), deadline = tonumber(deadline), runs = runs, session = session, owner = owner,
    metadata = metadata,
  }
  local weight, names = weights:gmatch('%d+'), nil
  w.lease, names = Wait.wanted(id)
  w.items = {}
  for i, n in ipairs(names) do w.items[2 * i - 1], w.items[2 * i] = n, tonumber(weight()) end
  return w
end

function Wait.keep(id, w)
  local weights = {}
  for i = 2, #w.items, 2 do weights[i / 2] = int(w.items[i]) end
  redis.call('HSET', P .. 'w', id, table.concat({ int(w.ttl), int(w.deadline),
    table.concat(weights, ','), w.runs, w.session, w.owner, w.metadata }, ' '))
end

function Wait.runs(list)
  return list:gmatch('[^,]+')
end

function Wait.without(list, run)
  local rest = {}
  for each in Wait.runs(list) do if each ~= run then rest[#rest + 1] = each end end
  return table.concat(rest, ',')
end

-- The clock by which silence is judged, ms. It stands still while no node at all is heard: nobody could show that it
-- lives while Redis was away.
function Wait.clock()
  if not Wait.now then
    local last, away = (Name.kept(P .. 'pulse') or ''):match('^(%d+) (%d+)$')
    local silence = now - tonumber(last or now)
    Wait.now = now - tonumber(away or 0)
    if silence > MOST_SILENCE_MS then Wait.now = Wait.now - silence + BEAT_MS end
  end
  return Wait.now
end

-- Until when a node run was said to live, by that clock; 0 when it never was.
function Wait.life_of(run)
  if not lives[run] then lives[run] = tonumber(redis.call('ZSCORE', P .. 'nodes', run) or '0') end
  return lives[run]
end

function Wait.hear(run, ms)
  lives[run] = Wait.clock() + ms
  redis.call('ZADD', P .. 'nodes', int(lives[run]), run)
end

-- Until when one of these node runs is known to live, ms; 0 when none does.
function Wait.alive_until(list)
  local latest = 0
  for run in Wait.runs(list) do latest = math.max(latest, Wait.life_of(run)) end
  return latest > Wait.clock() and latest + now - Wait.clock() or 0
end

-- A caller that was cut off is held by its absence: a run that lives until the caller must be back, and never beats.
function Wait.is_absence(run)
  return run:sub(1, 1) == '@'
end

function Wait.absence()
  local till = math.ceil((Wait.clock() + RETURN_MS) / RETURN_STEP_MS) * RETURN_STEP_MS
  local run = '@' .. int(till)
  Wait.hear(run, till - Wait.clock())
  return run
end

-- Takes a request out of its queues. Its names go to `names`, whose next ones may now be served.
function Wait.leave(id, w, names)
  for i = 1, #w.items, 2 do
    local st = Name.of(w.items[i])
    redis.call('ZREM', P .. 'q:' .. st.n, id)
    st.waiting = st.waiting - 1
    st.changed = true
    if names then names[#names + 1] = st.n end
  end
  redis.call('HDEL', P .. 'w', id)
  redis.call('SREM', P .. 'o:' .. w.owner, id)
  if w.session ~= '-' then redis.call('SREM', P .. 'A:' .. w.session, id) end
  for run in Wait.runs(w.runs) do redis.call('SREM', P .. 'n:' .. run, id) end
end

-- Leaves word for the nodes that hold the request: kept until they fetch it, with a hint that it is there.
function Wait.notify(id, w, outcome)
  for run in Wait.runs(w.runs) do
    if not Wait.is_absence(run) then
      redis.call('HSET', P .. 'g:' .. run, id, outcome)
      local channel = CHANNEL .. 'lock.granted.' .. run:match('^(.-)~')
      redis.call('PUBLISH', channel, '{"pattern":"lock.granted","data":{"run":"' .. run .. '","id":"' .. id .. '"}}')
    end
  end
end

function Wait.fits(w)
  for i = 1, #w.items, 2 do
    local st = Name.of(w.items[i])
    if st.used + w.items[i + 1] > st.limit then return false end
  end
  return true
end

function Wait.first_everywhere(id, w)
  for i = 1, #w.items, 2 do
    if redis.call('ZRANGE', P .. 'q:' .. w.items[i], 0, 0)[1] ~= id then return false end
  end
  return true
end

-- Serves a request: its leases count from now. They are its own when its only node vouches for it; else only
-- when a node that holds it takes them up before that node's own time is over.
function Wait.serve(id, w, arrival, until_ms, names)
  Wait.leave(id, w, names)
  local waited = int(math.max(0, now - math.floor(arrival / 1000)))
  local claim = w.runs == RUN and vouched[id]
  local expiry = w.session ~= '-' and until_ms or math.min(until_ms, now + w.ttl)
  if Wait.is_absence(w.runs) then
    expiry = until_ms
  elseif claim then
    expiry = w.session ~= '-' and 'inf' or now + w.ttl
    served[#served + 1] = id
  end
  for i = 1, #w.items, 2 do
    local st = Name.of(w.items[i])
    local r = {
      waited = waited, ttl = w.ttl, weight = w.items[i + 1], state = claim and 'T:' .. claim or 'P:' .. w.runs,
      session = w.session, owner = w.owner, metadata = w.metadata,
    }
    Lease.grant(st, w.lease, r, expiry)
    if claim then
      local at = Lease.ends(r, expiry)
      Name.log('acquired', st, st.records[w.lease], at)
      Lease.answer(served, st, w.lease, at)
    end
  end
  if not claim then Wait.notify(id, w, 'granted') end
end

-- Serves the queues of these names as far as they can be served now. Requests of dead nodes, and those that
-- waited long enough, are passed over. Nobody overtakes: who does not fit stops the queue.
function Wait.promote(names)
  local at, steps = 1, 0
  while names[at] do
    local st = Name.of(names[at])
    -- Once somebody was served with the last permit there is nothing more to do.
    while st.waiting > 0 and not (st.served and st.used >= st.limit) do
      steps = steps + 1
      if steps > MOST_STEPS then
        Name.look_by(st, now)
        break
      end
      local head = redis.call('ZRANGE', P .. 'q:' .. st.n, 0, 0, 'WITHSCORES')
      local id = head[1]
      local w = Wait.find(id)
      local until_ms = Wait.alive_until(w.runs)
      if until_ms == 0 or w.deadline <= now or (st.unclaimed and Wait.is_absence(w.runs)) then
        -- Absences hold up the others once, not one after the other.
        Wait.leave(id, w, names)
      elseif w.items[2] > st.limit and #w.items == 2 then
        -- The semaphore became too small for it.
        Wait.leave(id, w, names)
        Wait.notify(id, w, 'limit:' .. int(st.limit))
      elseif Wait.fits(w) and (#w.items == 2 or Wait.first_everywhere(id, w)) then
        Wait.serve(id, w, tonumber(head[2]), until_ms, names)
        st.served = true
      else
        break
      end
    end
    at = at + 1
  end
end

-- Brings a name up to date: what is over ends, who is next is served.
function Wait.touch(n)
  local st = Name.of(n)
  if st.used > 0 then Lease.expire(st) end
  if st.waiting > 0 then Wait.promote({ n }) end
end

-- What a lease came to that its caller could not be told of: kept for the caller where that may come back, else free.
function Wait.give_back(st, lease, r, returns, names)
  if returns then
    local run = Wait.absence()
    local till = Wait.alive_until(run)
    r.state = 'P:' .. run
    Name.put(st, lease, Lease.format(r))
    Lease.set_end(st, lease, till)
    Name.look_by(st, till)
  else
    Lease.drop(st, lease, r)
    names[#names + 1] = st.n
  end
end

-- A node gives up a request that it held: it leaves the queue, or gives its leases back, unless another node holds it
-- too. Where its caller may come back its place is kept for a while. A lease that its caller was told of stays.
function Wait.give_up(run, id, claim, returns)
  local lease, items = Wait.wanted(id)
  redis.call('HDEL', P .. 'g:' .. run, id)
  local names = {}
  local w = Wait.find(id)
  if w then
    w.runs = Wait.without(w.runs, run)
    redis.call('SREM', P .. 'n:' .. run, id)
    if w.runs == '' and returns then
      w.runs = Wait.absence()
      redis.call('SADD', P .. 'n:' .. w.runs, id)
    end
    if w.runs == '' then Wait.leave(id, w, names) else Wait.keep(id, w) end
  else
    for _, n in ipairs(items) do
      local st = Name.of(n)
      local rec = Name.record(st, lease)
      local r = rec and Lease.parse(rec)
      if r and r.state:sub(1, 2) == 'P:' then
        local rest = Wait.without(r.state:sub(3), run)
        if rest == '' then
          Wait.give_back(st, lease, r, returns, names)
        else
          r.state = 'P:' .. rest
          Name.put(st, lease, Lease.format(r))
        end
      elseif r and r.state == 'T:' .. claim then
        Name.log('released', st, rec, now)
        -- One that did not wait has no place to keep.
        Wait.give_back(st, lease, r, returns and r.waited ~= '0', names)
      end
    end
  end
  Wait.promote(names)
end
