-- Leases: how they begin and how they end. A record of one is its weight, state, session, token, acquiredAt, waitedMs,
-- ttlMs, owner and metadata, separated by blanks. State T:<claim> is a lease that its client was told of, P:<process
-- id>,<process id> one that waits to be taken up by a process, P:@<ms> one that waits for its client to come back: to
-- others that is a free name with a request in its queue.
-- Leaves: Lease
-- @include @redis/happened.lua
-- @include parts/answer.lua
-- @include parts/event.lua
-- @include parts/owner.lua
-- @include parts/token.lua
local Lease = {}
local MOST_EXPIRED, MOST_LOST = 256, 1000
-- When a lease was granted last, and the same as records have it.
local granted_at, granted_text

function Lease.parse(record)
  local weight, state, session, token, acquired, waited, ttl, owner, metadata =
    string.match(record, '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) (%S+) ()')
  return {
    weight = weight, state = state, session = session, token = token, acquired = acquired, waited = waited,
    ttl = ttl, owner = owner, metadata = string.sub(record, metadata),
  }
end

function Lease.format(lease)
  return lease.weight .. ' ' .. lease.state .. ' ' .. lease.session .. ' ' .. lease.token .. ' ' .. lease.acquired ..
    ' ' .. lease.waited .. ' ' .. lease.ttl .. ' ' .. lease.owner .. ' ' .. lease.metadata
end

function Lease.is_told(state)
  return string.byte(state) == 84
end

-- It is kept for a client that was cut off.
function Lease.is_reserved(state)
  return string.sub(state, 1, 3) == 'P:@'
end

-- The end of a lease, ms: its own, or with 'inf' that of its session.
function Lease.ends(record, ending)
  if ending == 'inf' then
    ending = redis.call('ZSCORE', prefix .. 'sessions', string.match(record, '^[^ ]+ [^ ]+ ([^ ]+)'))
  end
  return (ending or 0) + 0
end

-- The lease that ends first, and when; nil when there is none.
function Lease.first(name)
  if name.sole then return name.sole, name.ending end
  local first = Name.holders(name, 1)
  return first[1], first[2]
end

-- The record of a lease that is still its holder's, and when it ends; nil when there is none or its time is over.
function Lease.holding(name, lease_id)
  local record = Name.record(name, lease_id)
  if not record then return nil end
  local ending = Lease.ends(record, Name.ending(name, lease_id))
  if ending <= now then return nil end
  return record, ending
end

-- Makes a lease; its state is `kind` with `holders`; `ending`: ms, or 'inf' for one that lives as long as its session. Returns
-- its record and when it ends.
function Lease.grant(name, lease_id, weight, ending, kind, holders, session, waited, ttl, owner, metadata)
  name.token = int(Token.after(name.token))
  if granted_at ~= now then granted_at, granted_text = now, int(now) end
  local record = weight .. ' ' .. kind .. holders .. ' ' .. session .. ' ' .. name.token .. ' ' .. granted_text .. ' ' .. waited ..
    ' ' .. ttl .. ' ' .. owner .. ' ' .. metadata
  if ending == 'inf' then
    Name.hold(name, lease_id, record, ending)
    ending = Lease.ends(record, ending)
  else
    local text = int(ending)
    Name.hold(name, lease_id, record, text)
    Name.look_by(name, ending, text)
  end
  name.used = name.used + weight
  if session ~= '-' then redis.call('SADD', prefix .. 'L:' .. session, name.id .. ' ' .. lease_id) end
  return record, ending
end

-- Takes a lease away without a trace.
function Lease.drop(name, lease_id, weight, session)
  Name.drop(name, lease_id, weight)
  if session ~= '-' then redis.call('SREM', prefix .. 'L:' .. session, name.id .. ' ' .. lease_id) end
end

-- Another process was told of it and remembers it, to assert it at the next instance of Redis.
local function tell_holder_of_end(name, lease_id, state)
  if string.sub(state, 3, 2 + #ARGV[1]) == ARGV[1] then return end
  local node = string.match(state, '^T:(.-)~')
  if node then hint('lock', 'lock.ended', node, '{"key":"' .. name.id .. '","leaseId":"' .. lease_id .. '"}') end
end

-- A lease was taken from its holder.
local function tell_operators(name, record, was_revoked)
  local lease = Lease.parse(record)
  happened(was_revoked and 'revoked' or 'lost', string.sub(name.id, 3), {
    kind = string.byte(name.id) == 108 and 'lock' or 'semaphore', owner = Owner.as_given(lease.owner),
    fencingToken = lease.token, reason = not was_revoked and (lease.session == '-' and 'ttl' or 'session') or nil,
  })
end

-- Ends a lease for good. One that nobody was told of leaves no trace: its client may ask again. Returns whether it was told.
function Lease.finish(name, lease_id, record, kind, ending)
  local weight, state, session = string.match(record, '^(%S+) (%S+) (%S+)')
  Lease.drop(name, lease_id, weight, session)
  if not Lease.is_told(state) then return false end
  Name.remember(name, lease_id, kind == 'released' and '1' or '0')
  if kind ~= 'expired' then tell_holder_of_end(name, lease_id, state) end
  if kind == 'revoked' and session ~= '-' then
    -- Its session is told of it by keep-alives.
    redis.call('ZADD', prefix .. 'V:' .. session, now, name.id .. ' ' .. Lease.parse(record).token)
    redis.call('ZREMRANGEBYRANK', prefix .. 'V:' .. session, 0, -1 - MOST_LOST)
  end
  if kind ~= 'released' then tell_operators(name, record, kind == 'revoked') end
  Event.log(kind, name, record, ending)
  return true
end

-- Ends the leases whose time is over.
function Lease.expire(name)
  local first, soonest = Lease.first(name)
  if not first or soonest == 'inf' or soonest + 0 > now then return end
  local over = { first, soonest }
  if not name.sole then
    over = redis.call('ZRANGE', prefix .. 'x:' .. name.id, '-inf', now, 'BYSCORE', 'LIMIT', 0, MOST_EXPIRED,
      'WITHSCORES')
  end
  for i = 1, #over, 2 do
    if not Lease.finish(name, over[i], Name.record(name, over[i]), 'expired', over[i + 1]) then name.unclaimed = true end
  end
  if #over == 2 * MOST_EXPIRED then Name.look_by(name, now) end
end

-- A client is told of its lease: answers record, end, limit. The lease can be given back by the request that was told
-- alone; once a second one is told of it, nobody gives it back.
function Lease.tell(name, lease_id, record, claim)
  local lease = Lease.parse(record)
  local ending = Name.ending(name, lease_id)
  if not Lease.is_told(lease.state) then
    local several = string.find(lease.state, ',', 1, true)
    -- For a client that was away the time begins now that it is back.
    if Lease.is_reserved(lease.state) then
      lease.waited = int(lease.waited + now - lease.acquired)
      lease.acquired = int(now)
    end
    lease.state = 'T:' .. (several and '*' or claim)
    ending = lease.session ~= '-' and 'inf' or int(lease.acquired + lease.ttl)
    record = Lease.format(lease)
    Name.hold(name, lease_id, record, ending)
    Event.log('acquired', name, record, Lease.ends(record, ending))
  elseif lease.state ~= 'T:' .. claim and lease.state ~= 'T:*' then
    lease.state = 'T:*'
    record = Lease.format(lease)
    Name.hold(name, lease_id, record, ending)
  end
  answer(record, Lease.ends(record, ending), name.limit)
end
