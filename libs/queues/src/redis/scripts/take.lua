-- Takes messages that are ready out of their places, oldest of the highest priority first.
-- @include fail.lua
-- One reply stays small enough for everybody who shares the connection, however large the bodies are.
local PIECE, ENOUGH_BYTES = 100, 2097152

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

local taken, records, count, size, limit = {}, {}, 0, 0, 0
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
    if call('ZSCORE', key('delayed'), delayed_member(token)) then break end
    if is_over(token) then expire(token, record_of(token)) else tokens[#tokens + 1] = token end
  end
  if #tokens > 0 then
    call('HINCRBY', key('busy'), group, #tokens)
    keep(tokens)
  end
end

-- The first of `ranked`: a group, or as many messages as stand before the rank `bound`.
local function take_ranked(first, bound)
  if string.sub(first, 1, 1) == 'g' then return take_group(string.sub(first, 2)) end
  local members = call('ZRANGE', key('ranked'), 0, want() - 1, 'WITHSCORES')
  local run, tokens = {}, {}
  for i = 1, #members, 2 do
    if string.sub(members[i], 1, 1) == 'g' or tonumber(members[i + 1]) >= bound then break end
    run[#run + 1] = members[i]
    local token = tonumber(string.sub(members[i], 2))
    if is_over(token) then expire(token, record_of(token)) else tokens[#tokens + 1] = token end
  end
  call('ZREM', key('ranked'), unpack(run))
  keep(tokens)
end

-- As many of the list of a priority as stand before the rank `bound`; the first one does.
local function take_listed(p, bound)
  local most = want()
  local tokens = call('LRANGE', key('r:' .. p), 0, most - 1)
  local n = 0
  for i, text in ipairs(tokens) do
    local token = tonumber(text)
    if i > 1 and rank_of(token) >= bound then break end
    n, tokens[i] = i, token
  end
  call('LPOP', key('r:' .. p), n)
  if n == #tokens and n < most then set('mask', bit.band(q.mask, bit.bnot(bit.lshift(1, p)))) end
  keep({ unpack(tokens, 1, n) })
end

-- Priority and rank of the first one that stands in a list.
local function first_listed()
  for p = 9, 0, -1 do
    if bit.band(q.mask, bit.lshift(1, p)) ~= 0 then
      local token = tonumber(call('LINDEX', key('r:' .. p), 0))
      if token then return p, rank_of(token) end
      set('mask', bit.band(q.mask, bit.bnot(bit.lshift(1, p))))
    end
  end
  return nil, math.huge
end

-- Leaves what it took in `taken` and `records`; `count` of them. Groups among them are busy from now on.
local function take(most)
  limit = most
  while count < limit and size < ENOUGH_BYTES do
    local p, listed_rank = first_listed()
    local first, ranked_rank = unpack(call('ZRANGE', key('ranked'), 0, 0, 'WITHSCORES'))
    ranked_rank = tonumber(ranked_rank) or math.huge
    if first and ranked_rank < listed_rank then
      take_ranked(first, listed_rank)
    elseif p then
      take_listed(p, ranked_rank)
    else
      break
    end
  end
end
