#!lua flags=allow-oom
-- A process says that it lives, fetches the outcomes that were recorded for it, and does what has to happen by itself: leases
-- and sessions end, and requests of dead processes leave.
-- KEYS 1 prefix of the shard
-- ARGV 1 process id
-- Returns {requests that Redis has for the process, ms until the next end of a lease or -1, {wait id, outcome, ...},
--          no smaller than any token of the shard, instance, now}.
-- Invariant: with every hint lost a request learns its outcome by the next beat.
-- @include parts/open.lua
-- @include parts/process.lua
-- @include parts/session.lua
local MOST_SESSIONS, MOST_PROCESSES, MOST_REQUESTS, MOST_NAMES = 4, 8, 256, 64

-- Takes the requests of a dead process out of their queues. Returns true when there are more.
local function bury(process)
  local freed = {}
  local ids = redis.call('SRANDMEMBER', prefix .. 'n:' .. process, MOST_REQUESTS)
  for _, id in ipairs(ids) do
    local wait = Wait.find(id)
    if wait then
      local rest = Process.without(wait.processes, process)
      if rest == '' then
        Wait.leave(wait, freed)
      else
        wait.processes = rest
        Wait.keep(wait)
      end
    end
    redis.call('SREM', prefix .. 'n:' .. process, id)
  end
  Queue.promote(freed)
  if #ids == MOST_REQUESTS then return true end
  redis.call('ZREM', prefix .. 'nodes', process)
  redis.call('DEL', prefix .. 'g:' .. process)
  return false
end

local function first_score(key)
  return redis.call('ZRANGE', prefix .. key, 0, 0, 'WITHSCORES')[2]
end

-- What is due, and when the first of it is.
local function due_in(key, most, until_ms)
  local first = first_score(key)
  if not first or first + 0 > until_ms then return {}, first end
  return redis.call('ZRANGE', prefix .. key, '-inf', until_ms, 'BYSCORE', 'LIMIT', 0, most), first
end

local function look_at(id)
  local name = Name.of(id)
  name.look_at = false
  Queue.touch(id)
  local first, at = Lease.first(name)
  if first and at ~= 'inf' then Name.look_by(name, at + 0) end
end

-- Returns the next end of a lease or a session, ms; `now` when there is more to do at once.
local function sweep()
  local more = false
  local sessions, session_end = due_in('sessions', MOST_SESSIONS, now)
  for _, id in ipairs(sessions) do more = Session.finish(id, 'expired') or more end
  local processes = due_in('nodes', MOST_PROCESSES, Process.clock())
  for _, process in ipairs(processes) do more = bury(process) or more end
  local names, lease_end = due_in('due', MOST_NAMES, now)
  if #names > 0 then redis.call('ZREM', prefix .. 'due', unpack(names)) end
  for _, id in ipairs(names) do look_at(id) end
  Name.save()
  if more or #names == MOST_NAMES then return now end
  if #sessions + #processes + #names > 0 then session_end, lease_end = first_score('sessions'), first_score('due') end
  return math.min(lease_end or math.huge, session_end or math.huge)
end

return function()
  local process = ARGV[1]
  local own, served = prefix .. 'n:' .. process, prefix .. 'g:' .. process
  local requests, outcomes, left = 0, {}, -1
  if Leap.is_anything_held(own, served) then
    -- Others have to know of it only while requests of it wait.
    Process.beat(process, redis.call('EXISTS', own, served) > 0)
    local at = sweep()
    requests, outcomes = redis.call('SCARD', own), redis.call('HGETALL', served)
    if at < math.huge then left = math.max(0, at - now) end
  end
  return { requests, left, outcomes, int(Token.keep()), Instance.name(), now }
end
