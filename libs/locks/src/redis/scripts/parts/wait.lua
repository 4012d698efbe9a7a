-- Waiting requests. One request may wait for several names: it stands in the queue of each. A record of one is
-- 'ttl deadline permits,... processes session owner metadata'; its names stand in its id.
-- Leaves: Wait
-- @include @redis/hint.lua
-- @include parts/wait-id.lua
-- @include parts/absence.lua
local Wait = {}

-- A waiting request; nil when there is none.
function Wait.find(id)
  local text = redis.call('HGET', prefix .. 'w', id)
  if not text then return nil end
  local ttl, deadline, permits, processes, session, owner, metadata =
    string.match(text, '^([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+) ([^ ]+) (.+)$')
  local weights = {}
  for weight in string.gmatch(permits, '%d+') do weights[#weights + 1] = weight + 0 end
  return {
    id = id, lease_id = WaitId.lease(id), names = WaitId.names(id), weights = weights, ttl = ttl,
    deadline = deadline + 0, processes = processes, session = session, owner = owner, metadata = metadata,
  }
end

function Wait.keep(wait)
  redis.call('HSET', prefix .. 'w', wait.id, wait.ttl .. ' ' .. int(wait.deadline) .. ' ' ..
    table.concat(wait.weights, ',') .. ' ' .. wait.processes .. ' ' .. wait.session .. ' ' .. wait.owner .. ' ' ..
    wait.metadata)
end

-- Puts a request at the end of its queues: in one step, so that the queues agree on the order of arrival, and requests never
-- wait for each other in a circle. One that arrived at another instance of Redis has its place by that. Returns its arrival.
function Wait.enqueue(wait, names, count)
  local arrival = wait.arrival
  if not arrival then
    arrival = micros
    for i = 1, count do
      if names[i].waiting > 0 then arrival = math.max(arrival, names[i].arrival + 1) end
    end
  end
  local text = int(arrival)
  for i = 1, count do
    local name = names[i]
    redis.call('ZADD', prefix .. 'q:' .. name.id, text, wait.id)
    if name.waiting == 0 or arrival > name.arrival + 0 then name.arrival = text end
    name.waiting, name.changed = name.waiting + 1, true
  end
  Wait.keep(wait)
  redis.call('SADD', prefix .. 'o:' .. wait.owner, wait.id)
  if wait.session ~= '-' then redis.call('SADD', prefix .. 'A:' .. wait.session, wait.id) end
  return text
end

-- Takes a request out of its queues. Its names go to `freed`, whose next requests may now be served.
function Wait.leave(wait, freed)
  for _, id in ipairs(wait.names) do
    local name = Name.of(id)
    redis.call('ZREM', prefix .. 'q:' .. id, wait.id)
    name.waiting = name.waiting - 1
    name.changed = true
    freed[#freed + 1] = id
  end
  redis.call('HDEL', prefix .. 'w', wait.id)
  redis.call('SREM', prefix .. 'o:' .. wait.owner, wait.id)
  if wait.session ~= '-' then redis.call('SREM', prefix .. 'A:' .. wait.session, wait.id) end
  for process in Process.each(wait.processes) do redis.call('SREM', prefix .. 'n:' .. process, wait.id) end
end

-- Records an outcome for the processes that hold the request: kept until they fetch it, with a hint that it is there.
function Wait.record_outcome(wait, outcome)
  if Absence.is(wait.processes) then return end
  for process in Process.each(wait.processes) do
    redis.call('HSET', prefix .. 'g:' .. process, wait.id, outcome)
    hint('lock', 'lock.granted', Process.node_of(process), '{"run":"' .. process .. '","id":"' .. wait.id .. '"}')
  end
end
