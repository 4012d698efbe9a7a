-- Hands out messages that are ready, oldest of the highest priority first, each for the visibility timeout.
-- KEYS 1 queue (see state.lua)
-- ARGV 1 how many at most  2 visibility timeout, ms ('': the queue's)  3 waiter 'NODE#ID' to park when there is
--      nothing ('': none)  4 its arrival from an earlier call ('': it arrives now)  5 lease of its node, ms
--      6 prefix of the channels that wake nodes  7 channel of the node that runs the timers ('': the caller)
-- Returns {gen, secret, now, visible until, due in ms or -1, outbox length, arrival, token, failed deliveries, record, ...};
--         nil when there is no such queue.
-- Invariant: a message is in flight at most once; a group has one batch in flight.
-- @include due-work.lua
-- One reply stays small enough for everybody who shares the connection, however large the bodies are.
local PIECE, ENOUGH_BYTES = 100, 2097152
if not open() then return nil end
if q.due and q.due <= now then do_due_work() end

local visibility = tonumber(ARGV[2]) or q.visibilityTimeoutMs
local ends = now + visibility
local limit = tonumber(ARGV[1])
local allowed = allowance()
limit = math.min(limit, math.floor(allowed))
if q.paused == 1 then limit = 0 end

-- Reads the records of tokens; neighbours share a bucket and a command.
local function records_of(tokens)
  local records, first = {}, 1
  while first <= #tokens do
    local bucket, fields, last = bucket_of(tokens[first]), {}, first
    while last <= #tokens and bucket_of(tokens[last]) == bucket do
      fields[#fields + 1] = field_of(tokens[last])
      last = last + 1
    end
    for i, record in ipairs(call('HMGET', bucket, unpack(fields))) do records[first + i - 1] = record end
    first = last
  end
  return records
end

local taken, records, count, size = {}, {}, 0, 0
local function want() return math.min(PIECE, limit - count) end
local function keep(tokens)
  local found = records_of(tokens)
  for i, token in ipairs(tokens) do
    if found[i] then
      count = count + 1
      taken[count], records[count] = token, found[i]
      size = size + #found[i]
    end
  end
end

local function is_over(token)
  local score = has_ttl(token) and tonumber(call('ZSCORE', key('expiring'), token))
  return score and score <= now
end

local function take_group(group)
  call('ZREM', key('ranked'), 'g' .. group)
  local tokens = {}
  for _, token in ipairs(group_tokens(group, want())) do
    if call('ZSCORE', key('delayed'), token) then break end
    if is_over(token) then expire(token, record_of(token)) else tokens[#tokens + 1] = token end
  end
  if #tokens > 0 then
    call('HINCRBY', key('busy'), group, #tokens)
    keep(tokens)
  end
end

local function take_ranked(member)
  local kind, rest = string.sub(member, 1, 1), string.sub(member, 2)
  if kind == 'g' then return take_group(rest) end
  call('ZREM', key('ranked'), member)
  local token = tonumber(rest)
  if is_over(token) then expire(token, record_of(token)) else keep({ token }) end
end

local function take_listed(p, most)
  local tokens = call('LPOP', key('r:' .. p), most) or {}
  if #tokens < most then set('mask', bit.band(q.mask, bit.bnot(bit.lshift(1, p)))) end
  for i, token in ipairs(tokens) do tokens[i] = tonumber(token) end
  keep(tokens)
end

local function highest()
  for p = 9, 0, -1 do
    if bit.band(q.mask, bit.lshift(1, p)) ~= 0 then return p end
  end
  return -1
end

while count < limit and size < ENOUGH_BYTES do
  local listed = q.mask == 0 and -1 or highest()
  local first = call('ZRANGE', key('ranked'), 0, 0, 'WITHSCORES')
  local ranked = first[1] and 9 - math.floor(first[2] / RANK) or -1
  if listed < 0 and ranked < 0 then break end
  if listed > ranked then
    take_listed(listed, want())
  elseif ranked > listed then
    take_ranked(first[1])
  else
    local head = tonumber(call('LINDEX', key('r:' .. listed), 0))
    if not head or seq_of(head) < first[2] % RANK then take_listed(listed, 1) else take_ranked(first[1]) end
  end
end

local arrival = ARGV[4]
local reply = { q.gen, call('HGET', KEYS[1], 'secret'), now, ends, -1, 0, '' }
if count > 0 then
  local leases, ttls = {}, {}
  for i, token in ipairs(taken) do
    leases[2 * i - 1], leases[2 * i] = ends, token
    if has_ttl(token) then ttls[#ttls + 1] = token end
  end
  call('ZADD', key('inFlight'), unpack(leases))
  if #ttls > 0 then call('ZREM', key('expiring'), unpack(ttls)) end
  local tries = call('HMGET', key('tries'), unpack(taken))
  for i, token in ipairs(taken) do
    local at = 5 + 3 * i
    reply[at], reply[at + 1], reply[at + 2] = token, tonumber(tries[i]) or 0, records[i]
  end
  announce(ends)
  if q.rateMax then spend(allowed, count) end
  if arrival ~= '' then leave_line(ARGV[3]) end
elseif ARGV[3] ~= '' then
  if arrival == '' then arrival = string.format('%.0f', tonumber(time[1]) * 1000000 + tonumber(time[2])) end
  call('ZADD', base .. 'w', arrival, ARGV[3])
  keep_line(string.match(ARGV[3], '^(.-)#'), tonumber(ARGV[5]))
  reply[7] = arrival
  if q.rateMax and allowed < 1 and any_ready() then
    announce(now + math.ceil((1 - allowed) * q.ratePer / q.rateMax))
  end
end
place_stirred()
wake(fresh - count, ARGV[6])
reply[5] = tell_due(ARGV[7])
save()
reply[6] = call('LLEN', base .. 'out')
return reply
