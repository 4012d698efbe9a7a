-- What a queue does by itself when the time has come: bounded, and the same whoever runs it.
-- @include fail.lua
-- @include wake.lua
-- @include rate.lua
-- At once, so that nobody waits for more than some milliseconds; the timers go on as soon as others had their turn. To make a
-- plain delayed message ready costs a tenth of anything else.
local CHEAP_PORTION = 1000
local PORTION = 128
local GROUPED_COST = CHEAP_PORTION / PORTION
local MOST_WAKES = 256
local BUCKETS_PORTION = 256
local OUTBOX_RETRY_MS = 1000

local function due_members(part, most)
  return call('ZRANGE', key(part), '-inf', now, 'BYSCORE', 'LIMIT', 0, most)
end

local function due_tokens(part)
  local tokens = due_members(part, PORTION)
  for i, token in ipairs(tokens) do tokens[i] = tonumber(token) end
  return tokens
end

local function earliest(part)
  return tonumber(call('ZRANGE', key(part), 0, 0, 'WITHSCORES')[2])
end

local function promote_delayed()
  local members, tokens, cost = due_members('delayed', CHEAP_PORTION), {}, 0
  if #members == 0 then return end
  for i, member in ipairs(members) do
    if cost >= CHEAP_PORTION then break end
    tokens[i] = delayed_token(member)
    cost = cost + (has_group(tokens[i]) and GROUPED_COST or 1)
  end
  call('ZREM', key('delayed'), unpack(members, 1, #tokens))
  local tried = call('EXISTS', key('tries')) == 1 and call('HMGET', key('tries'), unpack(tokens)) or {}
  for i, token in ipairs(tokens) do
    if has_group(token) then
      stirred[group_of(record_of(token), token)] = true
    elseif tried[i] then
      come_back(token)
    else
      arrive(token)
    end
  end
end

local function end_leases()
  local tokens = due_tokens('inFlight')
  if #tokens == 0 then return end
  call('ZREM', key('inFlight'), unpack(tokens))
  for _, token in ipairs(tokens) do requeue(token, 't', nil) end
end

local function unplace(token)
  if call('ZREM', key('delayed'), delayed_member(token)) == 1 or has_group(token) then return end
  if call('ZREM', key('ranked'), 'm' .. token) == 1 then return end
  -- Elsewhere than at the head the token stays behind: a receive finds no record for it and passes on.
  local list = key('r:' .. priority_of(token))
  if tonumber(call('LINDEX', list, 0)) == token then call('LPOP', list) end
end

local function end_ttls()
  for _, token in ipairs(due_tokens('expiring')) do
    unplace(token)
    expire(token, record_of(token))
  end
end

-- Everything below `sweep` is gone or in flight. `sweepAt`: nothing above it is older.
local function sweep_retention()
  local limit = now - q.retentionMs
  if q.live == 0 or q.sweepAt > limit then return end
  local steps = 0
  local seq = q.sweep
  while seq < q.seq and steps < PORTION do
    steps = steps + 1
    local bucket = key('b:' .. math.floor(seq / BUCKET))
    local record = call('HGET', bucket, seq % BUCKET)
    if not record then
      if seq % BUCKET == 0 and call('EXISTS', bucket) == 0 then seq = seq + BUCKET - 1 end
      seq = seq + 1
    else
      local at = enqueued_at(record)
      if at > limit then
        set('sweepAt', at)
        break
      end
      local flags = string.byte(record, 7)
      local token = seq * TOKEN + flags % 16 * 4
        + (bit.band(flags, 16) ~= 0 and 2 or 0) + (bit.band(flags, 32) ~= 0 and 1 or 0)
      if not call('ZSCORE', key('inFlight'), token) then
        unplace(token)
        expire(token, record)
      end
      seq = seq + 1
    end
  end
  if seq >= q.seq then
    seq = q.seq
    set('sweepAt', now)
  end
  if seq ~= q.sweep then set('sweep', seq) end
end

-- Removes a portion of what purges and deletions left behind. True when there is more.
local function empty_trash()
  local entry = call('LINDEX', base .. 'trash', 0)
  if not entry then return false end
  local gen, low, high = string.match(entry, '^(%d+):(%d+):(%d+)$')
  low, high = tonumber(low), tonumber(high)
  local last = math.min(high, low + BUCKETS_PORTION - 1)
  for bucket = low, last do call('UNLINK', base .. gen .. ':b:' .. bucket) end
  if last < high then
    call('LSET', base .. 'trash', 0, gen .. ':' .. string.format('%.0f', last + 1) .. ':' .. string.format('%.0f', high))
    return true
  end
  call('LPOP', base .. 'trash')
  return call('EXISTS', base .. 'trash') == 1
end

local function next_due()
  local at = math.huge
  local function consider(candidate)
    if candidate and candidate < at then at = candidate end
  end
  consider(earliest('delayed'))
  consider(earliest('inFlight'))
  consider(earliest('expiring'))
  if q.live > 0 then
    -- While all that is too old is in flight, the ends of their leases come first.
    consider(q.sweep < q.seq and math.max(now + 1, q.sweepAt + q.retentionMs) or nil)
  end
  if call('EXISTS', base .. 'out') == 1 then consider(now + OUTBOX_RETRY_MS) end
  if q.rateMax and any_ready() and call('EXISTS', base .. 'w') == 1 then
    if allowance() < 1 then consider(room_at()) end
  end
  if call('EXISTS', base .. 'trash') == 1 then consider(now) end
  return at
end

-- Does what is due and looks up when the next thing is.
local function do_due_work()
  promote_delayed()
  end_leases()
  -- What these made ready may be over as well.
  place_stirred()
  end_ttls()
  sweep_retention()
  empty_trash()
  place_stirred()
  if q.rateMax and any_ready() then fresh = math.max(fresh, math.min(MOST_WAKES, allowance())) end
  local at = next_due()
  set('due', at < math.huge and at or nil)
  announced = -1
end
