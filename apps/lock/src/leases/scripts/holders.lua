-- Leases: how they begin and how they end.
-- @include state.lua

-- Makes a lease. The clock is the floor of its token, so tokens rise also after everything was forgotten.
local function grant(st, lease, r, expiry)
  st.token = math.max(st.token + 1, micros)
  st.used = st.used + r.weight
  r.token = string.format('%.0f', st.token)
  r.acquired = string.format('%.0f', now)
  put(st, lease, format(r))
  redis.call('ZADD', P .. 'x:' .. st.n, expiry, lease)
  st.first = nil
  if expiry ~= '+inf' then redis.call('ZADD', P .. 'due', 'LT', expiry, st.n) end
  if r.session ~= '-' then redis.call('SADD', P .. 'L:' .. r.session, st.n .. ' ' .. lease) end
end

local function drop(st, lease, r)
  st.used = st.used - r.weight
  put(st, lease, false)
  redis.call('ZREM', P .. 'x:' .. st.n, lease)
  st.first = nil
  if r.session ~= '-' then redis.call('SREM', P .. 'L:' .. r.session, st.n .. ' ' .. lease) end
end

-- Ends a lease for good. One that nobody was told of leaves no trace: its caller may ask again.
local function finish(st, lease, rec, kind, expiry)
  local r = parse(rec)
  drop(st, lease, r)
  if r.state:sub(1, 1) == 'P' then return end
  redis.call('SET', P .. 's:' .. st.n .. ' ' .. lease, kind == 'released' and '1' or '0', 'PX', KEEP_MS)
  st.ended[lease] = true
  log(kind, st, lease, rec, expiry)
end

local MOST_EXPIRED = 256

-- The lease that ends first and when; nil when there is none.
local function first_end(st)
  if not st.first then st.first = redis.call('ZRANGE', P .. 'x:' .. st.n, 0, 0, 'WITHSCORES') end
  return st.first[1], st.first[2]
end

-- Ends the leases whose time is over.
local function expire(st)
  local _, soonest = first_end(st)
  if not soonest or soonest == 'inf' or tonumber(soonest) > now then return end
  st.first = nil
  local over = redis.call('ZRANGE', P .. 'x:' .. st.n, '-inf', now, 'BYSCORE', 'LIMIT', 0, MOST_EXPIRED, 'WITHSCORES')
  for i = 1, #over, 2 do finish(st, over[i], record(st, over[i]), 'expired', over[i + 1]) end
  if #over == 2 * MOST_EXPIRED then redis.call('ZADD', P .. 'due', 'LT', now, st.n) end
end

-- A lease that is still its holder's: its record and when it ends; nil when there is none or its time is over.
local function holding(st, lease)
  local rec = record(st, lease)
  if not rec then return nil end
  local r = parse(rec)
  local expiry = ends(r, redis.call('ZSCORE', P .. 'x:' .. st.n, lease))
  if expiry <= now then return nil end
  return r, expiry
end

-- A caller is told of its lease. The lease can be given back by the caller that was told alone; a second
-- telling makes it nobody's to give back.
local function tell(st, lease, r, claim)
  if r.state:sub(1, 1) == 'P' then
    local several = r.state:find(',', 1, true)
    r.state = 'T:' .. (several and '*' or claim)
    local expiry = r.session ~= '-' and '+inf' or tonumber(r.acquired) + r.ttl
    redis.call('ZADD', P .. 'x:' .. st.n, expiry, lease)
    st.first = nil
    put(st, lease, format(r))
    log('acquired', st, lease, st.records[lease], ends(r, expiry))
  elseif r.state ~= 'T:' .. claim and r.state ~= 'T:*' then
    r.state = 'T:*'
    put(st, lease, format(r))
  end
end
