#!lua flags=allow-oom
-- A process says that it lives, fetches the outcomes that were recorded for it, and does what has to happen by itself: leases
-- and sessions end, and requests of dead processes leave.
-- KEYS 1 prefix of the shard
-- ARGV 1 process id
-- Returns {requests that Redis has for the process, ms until the next end of a lease or -1, {wait id, outcome, ...},
--          no smaller than any token of the shard, instance}.
-- Invariant: with every hint lost a request learns its outcome by the next beat.
-- @include parts/open.lua
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

local function first_by_score(key, most, until_ms)
  return redis.call('ZRANGE', prefix .. key, '-inf', until_ms, 'BYSCORE', 'LIMIT', 0, most)
end

-- Returns the next end of a lease, ms; -1 when there is none, `now` when there is more to do at once.
local function sweep()
  local more = false
  for _, id in ipairs(first_by_score('sessions', MOST_SESSIONS, now)) do more = Session.finish(id, 'expired') or more end
  for _, process in ipairs(first_by_score('nodes', MOST_PROCESSES, Process.clock())) do more = bury(process) or more end
  local due = first_by_score('due', MOST_NAMES, now)
  if #due > 0 then redis.call('ZREM', prefix .. 'due', unpack(due)) end
  for _, id in ipairs(due) do
    local name = Name.of(id)
    name.look_at = false
    Queue.touch(id)
    local first, at = Lease.first(name)
    if first and at ~= 'inf' then Name.look_by(name, at + 0) end
  end
  Name.save()
  if more or #due == MOST_NAMES then return now end
  local at = redis.call('ZRANGE', prefix .. 'due', 0, 0, 'WITHSCORES')[2]
  local ending = redis.call('ZRANGE', prefix .. 'sessions', 0, 0, 'WITHSCORES')[2]
  if ending and (not at or ending + 0 < at + 0) then at = ending end
  return (at or -1) + 0
end

return function()
  local process = ARGV[1]
  Process.hear(process, Process.LEASE_MS)
  redis.call('SET', prefix .. 'pulse', Silence.pulse(redis.call('GET', prefix .. 'pulse')), 'PX', KEEP)
  local at = sweep()
  return {
    redis.call('SCARD', prefix .. 'n:' .. process),
    at < 0 and -1 or math.max(0, at - now),
    redis.call('HGETALL', prefix .. 'g:' .. process),
    int(Token.keep()),
    redis.call('GET', prefix .. 'instance'),
  }
end
