#!lua flags=no-writes
-- Looks at messages without receiving them: ready ones in the order of sending, others in the order in which
-- they become ready.
-- KEYS 1 queue (see parts/queue.lua)
-- ARGV 1 'ready', 'delayed' or 'inFlight'  2 cursor, '' at first  3 how many at most  4 how many to examine at most
--      5 text that is in the record or in the attempts of each ('': any)  then texts that are in the record
-- Returns {gen, cursor or '' at the end, examined, token, tries, available at in ms or -1, attempts, record, ...};
--         nil when there is no such queue.
-- @include @redis/integer.lua
-- @include parts/attempts.lua
-- @include parts/record.lua
-- @include parts/tries.lua
-- One call looks at so many places, and so many bytes, at most: a page may be short, and have a cursor.
local LOOKS, LOOKS_AT_ONCE, ENOUGH_BYTES, ENOUGH_LOOKED = 2048, 64, 2097152, 8388608

-- Attempts are kept of those that failed only.
local function attempts_of(token) return Marks.has(Marks.TRIED) and Attempts.of(token) or '' end

local function has_all(token, record)
  for i = 6, #ARGV do
    if not string.find(record, ARGV[i], 1, true) then return false end
  end
  return ARGV[5] == '' or string.find(record, ARGV[5], 1, true) or string.find(attempts_of(token), ARGV[5], 1, true)
end

-- True while there is room for more.
local function add(page, token, at, record)
  page.examined, page.looked = page.examined + 1, page.looked + #record
  if has_all(token, record) then
    local n = #page.tokens + 1
    page.tokens[n], page.times[n], page.records[n] = token, at, record
    page.size = page.size + #record
  end
  return #page.tokens < page.limit and page.size < ENOUGH_BYTES
    and page.examined < page.most and page.looked < ENOUGH_LOOKED
end

local function is_ready(token)
  return not redis.call('ZSCORE', Queue.key('inFlight'), token)
    and not redis.call('ZSCORE', Queue.key('delayed'), Token.member(token))
end

-- Returns the seq to go on with, nil at the end.
local function browse_ready(page, cursor)
  local seq, looks = math.max(tonumber(cursor) or 0, q.low), 0
  while seq < q.seq do
    if looks >= LOOKS then return seq end
    local bucket, next_bucket = Record.bucket(seq), seq - seq % Record.PER_BUCKET + Record.PER_BUCKET
    if redis.call('EXISTS', bucket) == 0 then
      seq, looks = next_bucket, looks + 1
    else
      local fields = {}
      for at = seq, math.min(seq + LOOKS_AT_ONCE, next_bucket, q.seq) - 1 do fields[#fields + 1] = Record.field(at) end
      looks = looks + #fields
      for i, record in ipairs(redis.call('HMGET', bucket, unpack(fields))) do
        local token = record and Token.of(seq + i - 1, Record.flags(record))
        if token and is_ready(token) and not add(page, token, -1, record) then
          return seq + i < q.seq and seq + i or nil
        end
      end
      seq = seq + #fields
    end
  end
  return nil
end

-- Members with one score stand in the order of their bytes: delayed tokens as the numbers that they are, others as text.
local function token_in(part, member)
  return part == 'delayed' and Token.from_member(member) or tonumber(member)
end

-- Index of the first member after the cursor 'SCORE:TOKEN', also when that member has gone.
local function index_after(part, cursor)
  local score, token = string.match(cursor, '^(%d+):(%d+)$')
  if not score then return 0 end
  local set = Queue.key(part)
  local function is_behind(member)
    if part == 'delayed' then return Token.from_member(member) > tonumber(token) end
    return member > token
  end
  local low, high = redis.call('ZCOUNT', set, '-inf', '(' .. score), redis.call('ZCOUNT', set, '-inf', score)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if is_behind(redis.call('ZRANGE', set, middle, middle)[1]) then high = middle else low = middle + 1 end
  end
  return low
end

-- Returns the score and the token of the last one, nil at the end.
local function browse_set(page, part, cursor)
  local from = index_after(part, cursor)
  while true do
    local members = redis.call('ZRANGE', Queue.key(part), from, from + LOOKS_AT_ONCE, 'WITHSCORES')
    for i = 1, math.min(#members, 2 * LOOKS_AT_ONCE), 2 do
      local token, score = token_in(part, members[i]), members[i + 1]
      if not add(page, token, tonumber(score), Record.of(token)) then
        return i + 2 <= #members and score .. ':' .. int(token) or nil
      end
    end
    if #members <= 2 * LOOKS_AT_ONCE then return nil end
    from = from + LOOKS_AT_ONCE
  end
end

return function()
  if not Queue.open({ texts = 1, 'gen', 'seq', 'low', 'marks' }) then return nil end
  local page = {
    limit = tonumber(ARGV[3]), most = math.min(LOOKS, tonumber(ARGV[4])),
    examined = 0, looked = 0, size = 0, tokens = {}, times = {}, records = {},
  }
  local state, cursor, next_cursor = ARGV[1], ARGV[2], nil
  if state == 'ready' then
    next_cursor = browse_ready(page, cursor)
    next_cursor = next_cursor and int(next_cursor)
  else
    next_cursor = browse_set(page, state, cursor)
  end
  local reply, tokens = { q.gen, next_cursor or '', page.examined }, page.tokens
  local tries = #tokens > 0 and Tries.of(tokens) or {}
  for i = 1, #tokens do
    local at = 5 * i - 1
    reply[at], reply[at + 1] = tokens[i], tonumber(tries[i]) or 0
    reply[at + 2], reply[at + 3], reply[at + 4] = page.times[i], attempts_of(tokens[i]), page.records[i]
  end
  return reply
end
