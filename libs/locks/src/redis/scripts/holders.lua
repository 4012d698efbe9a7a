-- Leases: how they begin and how they end.
-- @include state.lua

-- Sets the end of a lease. Most names never have two holders at once: these need no set of ends.
function Lease.set_end(st, lease, at)
  at = at == 'inf' and at or int(at)
  st.first = nil
  st.changed = true
  if not st.several and (not st.sole or st.sole == lease) then
    st.sole, st.sole_end = lease, at
  elseif st.sole then
    redis.call('ZADD', P .. 'x:' .. st.n, st.sole_end, st.sole, at, lease)
    st.sole, st.several = nil, true
  else
    redis.call('ZADD', P .. 'x:' .. st.n, at, lease)
  end
end

-- When a lease ends, as it was set; nil when nobody holds it.
function Lease.end_of(st, lease)
  if st.sole then return st.sole == lease and st.sole_end or nil end
  return st.several and redis.call('ZSCORE', P .. 'x:' .. st.n, lease) or nil
end

-- Holders, who ends first before the others: lease id, end, ...
function Lease.list(st, most)
  if st.sole then return { st.sole, st.sole_end } end
  return st.several and redis.call('ZRANGE', P .. 'x:' .. st.n, 0, most - 1, 'WITHSCORES') or {}
end

-- Makes a lease. The clock is the floor of its token, so tokens rise also after everything was forgotten.
function Lease.grant(st, lease, r, expiry)
  st.token = math.max(st.token + 1, micros)
  st.used = st.used + r.weight
  r.token = int(st.token)
  r.acquired = int(now)
  Name.put(st, lease, Lease.format(r))
  Lease.set_end(st, lease, expiry)
  if expiry ~= 'inf' then Name.look_by(st, expiry) end
  if r.session ~= '-' then redis.call('SADD', P .. 'L:' .. r.session, st.n .. ' ' .. lease) end
end

function Lease.drop(st, lease, r)
  st.used = st.used - r.weight
  Name.put(st, lease, false)
  if st.sole then st.sole = nil else redis.call('ZREM', P .. 'x:' .. st.n, lease) end
  if st.used == 0 then st.several = false end
  st.first = nil
  if r.session ~= '-' then redis.call('SREM', P .. 'L:' .. r.session, st.n .. ' ' .. lease) end
end

local MOST_LOST = 1000

-- A session is told of what was taken away from it, by its keep-alives.
function Lease.mourn(st, r)
  local key = P .. 'V:' .. r.session
  redis.call('ZADD', key, now, st.n .. ' ' .. r.token)
  redis.call('ZREMRANGEBYRANK', key, 0, -1 - MOST_LOST)
end

-- Ends a lease for good. One that nobody was told of leaves no trace: its caller may ask again.
function Lease.finish(st, lease, r, kind, expiry)
  local rec = Name.record(st, lease)
  Lease.drop(st, lease, r)
  if r.state:sub(1, 1) == 'P' then return end
  Name.remember(st, lease, kind == 'released' and '1' or '0')
  if kind == 'revoked' and r.session ~= '-' then Lease.mourn(st, r) end
  Name.log(kind, st, rec, expiry)
end

local MOST_EXPIRED = 256

-- The lease that ends first and when; nil when there is none.
function Lease.first(st)
  if not st.first then st.first = Lease.list(st, 1) end
  return st.first[1], st.first[2]
end

-- Ends the leases whose time is over.
function Lease.expire(st)
  local lease, soonest = Lease.first(st)
  if not soonest or soonest == 'inf' or tonumber(soonest) > now then return end
  local over = { lease, soonest }
  if st.several then
    over = redis.call('ZRANGE', P .. 'x:' .. st.n, '-inf', now, 'BYSCORE', 'LIMIT', 0, MOST_EXPIRED, 'WITHSCORES')
  end
  for i = 1, #over, 2 do
    local r = Lease.parse(Name.record(st, over[i]))
    Lease.finish(st, over[i], r, 'expired', over[i + 1])
    if r.state:sub(1, 1) == 'P' then st.unclaimed = true end
  end
  if #over == 2 * MOST_EXPIRED then Name.look_by(st, now) end
end

-- A lease that is still its holder's: its record and when it ends; nil when there is none or its time is over.
function Lease.holding(st, lease)
  local rec = Name.record(st, lease)
  if not rec then return nil end
  local r = Lease.parse(rec)
  local expiry = Lease.ends(r, Lease.end_of(st, lease))
  if expiry <= now then return nil end
  return r, expiry
end

-- A lease that is kept for a caller who was cut off.
function Lease.is_reserved(r)
  return r.state:sub(1, 3) == 'P:@'
end

-- What a caller is told of its lease: record, end, limit.
function Lease.answer(reply, st, lease, at)
  reply[#reply + 1] = st.records[lease]
  reply[#reply + 1] = int(at)
  reply[#reply + 1] = int(st.limit)
end

-- A caller is told of its lease. The lease can be given back by the caller that was told alone; a second
-- telling makes it nobody's to give back.
function Lease.tell(st, lease, r, claim)
  if r.state:sub(1, 1) == 'P' then
    local several = r.state:find(',', 1, true)
    -- For one who was away the time begins now that it is back.
    if Lease.is_reserved(r) then
      r.waited = int(tonumber(r.waited) + now - tonumber(r.acquired))
      r.acquired = int(now)
    end
    r.state = 'T:' .. (several and '*' or claim)
    local expiry = r.session ~= '-' and 'inf' or tonumber(r.acquired) + r.ttl
    Lease.set_end(st, lease, expiry)
    Name.put(st, lease, Lease.format(r))
    Name.log('acquired', st, st.records[lease], Lease.ends(r, expiry))
  elseif r.state ~= 'T:' .. claim and r.state ~= 'T:*' then
    r.state = 'T:*'
    Name.put(st, lease, Lease.format(r))
  end
end
