-- Looks at messages without receiving them: ready ones in the order of sending, others in the order in which
-- they become ready.
-- KEYS 1 queue (see state.lua)
-- ARGV 1 'ready', 'delayed' or 'inFlight'  2 cursor, '' at first  3 how many at most
-- Returns {gen, cursor or '' at the end, token, failed deliveries, available at in ms or -1, record, ...};
--         nil when there is no such queue.
-- @include state.lua
-- One call looks at so many places at most: a page may be short, and have a cursor.
local LOOKS, ENOUGH_BYTES = 2048, 2097152
if not open({ 'gen', 'seq', 'low' }) then return nil end
local limit = tonumber(ARGV[3])
local reply, size = { q.gen, '' }, 0

local function show(token, at, record)
  local n = #reply
  reply[n + 1], reply[n + 2] = token, tonumber(call('HGET', key('tries'), token)) or 0
  reply[n + 3], reply[n + 4] = at, record
  size = size + #record
  limit = limit - 1
  return limit > 0 and size < ENOUGH_BYTES
end

local function token_of(seq, record)
  local flags = string.byte(record, 7)
  return seq * TOKEN + flags % 16 * 4 + (bit.band(flags, 16) ~= 0 and 2 or 0) + (bit.band(flags, 32) ~= 0 and 1 or 0)
end

local function browse_ready(from)
  local seq, looks = math.max(from, q.low), 0
  while seq < q.seq do
    if looks >= LOOKS then return seq end
    local bucket = key('b:' .. math.floor(seq / BUCKET))
    local next_bucket = (math.floor(seq / BUCKET) + 1) * BUCKET
    if call('EXISTS', bucket) == 0 then
      seq, looks = next_bucket, looks + 1
    else
      local fields = {}
      for at = seq, math.min(seq + 128, next_bucket, q.seq) - 1 do fields[#fields + 1] = at % BUCKET end
      looks = looks + #fields
      for i, record in ipairs(call('HMGET', bucket, unpack(fields))) do
        local token = record and token_of(seq + i - 1, record)
        if token and not call('ZSCORE', key('inFlight'), token) and not call('ZSCORE', key('delayed'), delayed_member(token)) then
          if not show(token, -1, record) then return seq + i end
        end
      end
      seq = seq + #fields
    end
  end
  return nil
end

-- Members with one score stand in the order of their bytes: delayed tokens as the numbers that they are, others as text.
local function token_in(part, member)
  return part == 'delayed' and delayed_token(member) or tonumber(member)
end

-- Index of the first member after the cursor 'SCORE:TOKEN', also when that member has gone.
local function index_after(part, cursor)
  local score, token = string.match(cursor, '^(%d+):(%d+)$')
  if not score then return 0 end
  local function is_behind(member)
    if part == 'delayed' then return delayed_token(member) > tonumber(token) end
    return member > token
  end
  local low, high = call('ZCOUNT', key(part), '-inf', '(' .. score), call('ZCOUNT', key(part), '-inf', score)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if is_behind(call('ZRANGE', key(part), middle, middle)[1]) then high = middle else low = middle + 1 end
  end
  return low
end

local function browse_set(part)
  local from = index_after(part, ARGV[2])
  local members = call('ZRANGE', key(part), from, from + limit, 'WITHSCORES')
  for i = 1, #members, 2 do
    local token = token_in(part, members[i])
    if not show(token, tonumber(members[i + 1]), record_of(token)) then
      return i + 2 <= #members and members[i + 1] .. ':' .. string.format('%.0f', token) or nil
    end
  end
  return nil
end

if ARGV[1] == 'ready' then
  local from = browse_ready(tonumber(ARGV[2]) or 0)
  if from and from < q.seq then reply[2] = string.format('%.0f', from) end
else
  reply[2] = browse_set(ARGV[1]) or ''
end
return reply
