-- The ways by which a message leaves other than by its ack: back to the ready ones, away for ever, or to the
-- dead letters.
-- @include due.lua
-- @include ready.lua
local KEPT_ATTEMPTS = 20
-- What a delivery that was given back adds to `tries`. Fewer failures than that end every message; and the receipt of
-- the next delivery is another one.
local GIVEN_BACK = 1024

-- Forgets a message that stands in no place any more.
local function forget(token, record)
  call('HDEL', bucket_of(token), field_of(token))
  call('HDEL', key('tries'), token)
  call('HDEL', key('history'), token)
  add('live', -1)
  add('bytes', -#record)
  if has_ttl(token) then call('ZREM', key('expiring'), token) end
  if has_group(token) then
    local group = group_of(record, token)
    call('ZREM', key('groups'), group_member(group, token))
    stirred[group] = true
  end
end

local function expire(token, record)
  forget(token, record)
  add('expired', 1)
end

-- Puts a message on its way to another queue. The numbers of `out` only grow, also over a deletion of the
-- queue: by them the other side knows what it has already.
local function post(token, record, to, reason, attempts)
  local number = math.max((q.outSeq or 0) + 1, tonumber(time[1]) * 1000000 + tonumber(time[2]))
  set('outSeq', number)
  local id = q.gen .. '-' .. seq_of(token)
  local history = call('HGET', key('history'), token) or ''
  call('RPUSH', base .. 'out', cmsgpack.pack(number, to, id, attempts, reason, history, now, record))
  forget(token, record)
  announce(now)
end

-- Exponential, spread by a fifth so that what failed together does not come back together.
local function backoff(attempts, token)
  if not q.backoffBase then return 0 end
  math.randomseed(tonumber(time[2]) + token)
  local delay = math.min(q.backoffBase * q.backoffFactor ^ (attempts - 1), q.backoffMax)
  local spread = delay * 0.2 * math.random()
  if delay + spread > q.backoffMax then spread = -spread end
  return math.floor(delay + spread)
end

-- A message, already out of `inFlight`, waits again: before all that are younger, or for a delay. 'expired': its TTL or the retention
-- ends before it could be delivered again, and it was removed.
local function put_back(token, record, delay)
  if has_group(token) then leave_flight(group_of(record, token), 1) end
  local sent_at = enqueued_at(record)
  local over_at = has_ttl(token) and sent_at + ttl_of(record) or math.huge
  -- The sweep of the retention passes over what is in flight.
  if math.min(over_at, sent_at + q.retentionMs) <= now + delay or seq_of(token) < q.sweep then
    expire(token, record)
    return 'expired'
  end
  if has_ttl(token) then
    call('ZADD', key('expiring'), over_at, token)
    announce(over_at)
  end
  if delay > 0 then
    call('ZADD', key('delayed'), now + delay, delayed_member(token))
    announce(now + delay)
  elseif not has_group(token) then
    come_back(token)
  end
  return 'requeued'
end

-- A delivery failed and its message, already out of `inFlight`, goes on.
-- `why`: 'n' nacked, 't' its time was over. `delay`: nil for the back-off.
local function requeue(token, why, delay)
  local record = record_of(token)
  local attempts = call('HINCRBY', key('tries'), token, 1) % GIVEN_BACK
  local history = (call('HGET', key('history'), token) or '') .. why .. string.format('%.0f', now) .. ';'
  call('HSET', key('history'), token, string.sub(history, -15 * KEPT_ATTEMPTS))
  if attempts < q.maxReceives then return put_back(token, record, delay or backoff(attempts, token)) end

  if has_group(token) then leave_flight(group_of(record, token), 1) end
  post(token, record, q.deadLetterQueue, 'max-receives', attempts)
  add('dead', 1)
  return 'dead'
end
