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

-- Leaves what it took in `taken` and `records`; `count` of them. Groups among them are busy from now on.
local function take(most)
  limit = most
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
end
