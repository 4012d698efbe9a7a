-- What has to happen by itself: leases and sessions end, and requests of dead nodes leave.
-- @include queue.lua

local MOST_NAMES, MOST_DEAD, MOST_LEASES, MOST_RUNS = 64, 256, 256, 8

-- Ends a session with everything in it. Returns true when there is more to do than one script should.
local function end_session(id, kind)
  local waits = redis.call('SRANDMEMBER', P .. 'A:' .. id, MOST_LEASES)
  local leases = redis.call('SRANDMEMBER', P .. 'L:' .. id, MOST_LEASES)
  local names = {}
  for _, wait in ipairs(waits) do
    local w = Wait.find(wait)
    if w then
      Wait.leave(wait, w, names)
      Wait.notify(wait, w, 'session')
    end
    redis.call('SREM', P .. 'A:' .. id, wait)
  end
  for _, member in ipairs(leases) do
    local n, lease = member:match('^(%S+) (%S+)$')
    local st = Name.of(n)
    local rec = Name.record(st, lease)
    if rec then Lease.finish(st, lease, Lease.parse(rec), kind, int(now)) end
    redis.call('SREM', P .. 'L:' .. id, member)
    names[#names + 1] = n
  end
  Wait.promote(names)
  if #waits == MOST_LEASES or #leases == MOST_LEASES then return true end
  redis.call('ZREM', P .. 'sessions', id)
  redis.call('DEL', P .. 'S:' .. id, P .. 'V:' .. id)
  return false
end

local function bury(run)
  local names = {}
  local ids = redis.call('SRANDMEMBER', P .. 'n:' .. run, MOST_DEAD)
  for _, id in ipairs(ids) do
    local w = Wait.find(id)
    if w then
      local rest = Wait.without(w.runs, run)
      if rest == '' then
        Wait.leave(id, w, names)
      else
        w.runs = rest
        Wait.keep(id, w)
      end
    end
    redis.call('SREM', P .. 'n:' .. run, id)
  end
  Wait.promote(names)
  if #ids == MOST_DEAD then return true end
  redis.call('ZREM', P .. 'nodes', run)
  redis.call('DEL', P .. 'g:' .. run)
  return false
end

-- Returns the next end of a lease, ms; -1 when there is none, `now` when there is more to do at once.
local function sweep()
  local more = false
  for _, id in ipairs(redis.call('ZRANGE', P .. 'sessions', '-inf', now, 'BYSCORE', 'LIMIT', 0, 4)) do
    more = end_session(id, 'expired') or more
  end
  for _, run in ipairs(redis.call('ZRANGE', P .. 'nodes', '-inf', Wait.clock(), 'BYSCORE', 'LIMIT', 0, MOST_RUNS)) do
    more = bury(run) or more
  end
  local due = redis.call('ZRANGE', P .. 'due', '-inf', now, 'BYSCORE', 'LIMIT', 0, MOST_NAMES)
  for _, n in ipairs(due) do
    redis.call('ZREM', P .. 'due', n)
    Name.of(n).look_at = nil
    Wait.touch(n)
    local _, first = Lease.first(Name.of(n))
    if first and first ~= 'inf' then Name.look_by(Name.of(n), tonumber(first)) end
  end
  Name.save()
  if more or #due == MOST_NAMES then return now end
  local at = redis.call('ZRANGE', P .. 'due', 0, 0, 'WITHSCORES')[2]
  local ending = redis.call('ZRANGE', P .. 'sessions', 0, 0, 'WITHSCORES')[2]
  if ending and (not at or tonumber(ending) < tonumber(at)) then at = ending end
  return tonumber(at or -1)
end
