-- Queues of names. A request is served when it is first in all of its queues and fits in all of its names.
-- Leaves: Queue
-- @include parts/lease.lua
-- @include parts/wait.lua
local Queue = {}
local MOST_STEPS = 512

local function fits(wait)
  for i, id in ipairs(wait.names) do
    local name = Name.of(id)
    if name.used + wait.weights[i] > name.limit then return false end
  end
  return true
end

local function is_first_everywhere(wait)
  for _, id in ipairs(wait.names) do
    if redis.call('ZRANGE', prefix .. 'q:' .. id, 0, 0)[1] ~= wait.id then return false end
  end
  return true
end

-- Serves a request: its leases count from now. They are its own when it is a local waiter of the process that asks; else only
-- when a process that holds it takes them up before its own time is over.
local function serve(wait, arrival, alive_until, freed, locals)
  Wait.leave(wait, freed)
  local claim = locals and wait.processes == ARGV[1] and locals[wait.id]
  local ending = wait.session ~= '-' and alive_until or math.min(alive_until, now + wait.ttl)
  if Absence.is(wait.processes) then
    ending = alive_until
  elseif claim then
    ending = wait.session ~= '-' and 'inf' or now + wait.ttl
    answer(wait.id)
  end
  local waited = int(math.max(0, now - math.floor(arrival / 1000)))
  local kind, holders = 'P:', wait.processes
  if claim then kind, holders = 'T:', claim end
  for i, id in ipairs(wait.names) do
    local name = Name.of(id)
    local record, at = Lease.grant(name, wait.lease_id, wait.weights[i], ending, kind, holders, wait.session, waited,
      wait.ttl, wait.owner, wait.metadata)
    if claim then
      Event.log('acquired', name, record, at)
      answer(record, at, name.limit)
    end
  end
  if not claim then Wait.record_outcome(wait, 'granted') end
end

-- Serves the queues of these names as far as they can be served now. Requests of dead processes, and those that waited long
-- enough, are passed over. Nobody overtakes: a request that does not fit stops the queue.
-- `locals`: local waiters of the process that asks, wait id -> claim: it has their clients connected at this moment, so what
-- they are served with is theirs at once; it is answered: wait id, then record, end, limit of each name.
function Queue.promote(ids, locals)
  local at, steps = 1, 0
  while ids[at] do
    local name = Name.of(ids[at])
    -- Once a request was served with the last permit there is nothing more to do.
    while name.waiting > 0 and not (name.served and name.used >= name.limit) do
      steps = steps + 1
      if steps > MOST_STEPS then
        Name.look_by(name, now)
        break
      end
      local head = redis.call('ZRANGE', prefix .. 'q:' .. name.id, 0, 0, 'WITHSCORES')
      local wait = Wait.find(head[1])
      local alive_until = Process.alive_until(wait.processes)
      if alive_until == 0 or wait.deadline <= now or (name.unclaimed and Absence.is(wait.processes)) then
        -- Absences hold up the others once, not one after the other.
        Wait.leave(wait, ids)
      elseif #wait.names == 1 and wait.weights[1] > name.limit then
        -- The semaphore became too small for it.
        Wait.leave(wait, ids)
        Wait.record_outcome(wait, 'limit:' .. int(name.limit))
      elseif fits(wait) and (#wait.names == 1 or is_first_everywhere(wait)) then
        serve(wait, head[2] + 0, alive_until, ids, locals)
        name.served = true
      else
        break
      end
    end
    at = at + 1
  end
end

-- Brings a name up to date: what is over ends, the next request is served.
function Queue.touch(id)
  local name = Name.of(id)
  if name.used > 0 then Lease.expire(name) end
  if name.waiting > 0 then Queue.promote({ id }) end
end
