-- Takes messages that are ready out of their places, oldest of the highest priority first.
-- Leaves: Take: first(most), returns tokens and records of what it took. Groups among them are busy from now on.
-- @include parts/message.lua
local Take = {}
do
  -- One reply stays small enough for all who share the connection, however large the bodies are.
  local PIECE, ENOUGH_BYTES = 100, 2097152

  -- One whose own TTL is over is removed.
  local function expired(token)
    local ends = Token.has_ttl(token) and redis.call('ZSCORE', Queue.key('expiring'), token)
    if not ends or tonumber(ends) > now then return false end
    Message.expire(token, Record.of(token))
    return true
  end

  local function take_group(group, want)
    redis.call('ZREM', Queue.key('ranked'), 'g' .. group)
    local tokens = {}
    for _, token in ipairs(Group.tokens(group, want)) do
      if redis.call('ZSCORE', Queue.key('delayed'), Token.member(token)) then break end
      if not expired(token) then tokens[#tokens + 1] = token end
    end
    if #tokens > 0 then redis.call('HINCRBY', Queue.key('busy'), group, #tokens) end
    return tokens, Record.of_all(tokens)
  end

  -- The first of `ranked`: a group, or the messages that stand before the rank `bound`.
  local function take_ranked(first, bound, want)
    if string.sub(first, 1, 1) == 'g' then return take_group(string.sub(first, 2), want) end
    local members = redis.call('ZRANGE', Queue.key('ranked'), 0, want - 1, 'WITHSCORES')
    local run, tokens = {}, {}
    for i = 1, #members, 2 do
      if string.sub(members[i], 1, 1) == 'g' or tonumber(members[i + 1]) >= bound then break end
      run[#run + 1] = members[i]
      local token = tonumber(string.sub(members[i], 2))
      if not expired(token) then tokens[#tokens + 1] = token end
    end
    local records = Record.of_all(tokens)
    redis.call('ZREM', Queue.key('ranked'), unpack(run))
    return tokens, records
  end

  -- Those of the list of a priority that stand before the rank `bound`; the first one does.
  local function take_listed(p, bound, want)
    local list = Ready.list_key(p)
    if bound < math.huge then
      local listed, before = redis.call('LRANGE', list, 0, want - 1), 1
      while before < #listed and Token.rank(listed[before + 1]) < bound do before = before + 1 end
      want = before
    end
    local tokens = redis.call('LPOP', list, want) or {}
    if #tokens < want then Ready.drained(p) end
    local records = Record.of_all(tokens)
    if Marks.has(Marks.RESCHEDULED) then
      for i = 1, #tokens do records[i] = records[i] and not Record.is_rescheduled(records[i]) and records[i] end
    end
    return tokens, records
  end

  -- What comes next; nil when nothing is ready.
  local function take_next(want)
    local p = Ready.highest()
    local first, rank = Ready.first_ranked()
    local head = p and first and redis.call('LINDEX', Ready.list_key(p), 0)
    if p and first and not head then
      Ready.drained(p)
      return take_next(want)
    end
    local bound = head and Token.rank(head) or math.huge
    if first and rank < bound then return take_ranked(first, bound, want) end
    if p then return take_listed(p, rank or math.huge, want) end
    return nil
  end

  function Take.first(most)
    local tokens, records, count, size = {}, {}, 0, 0
    while count < most and size < ENOUGH_BYTES do
      local found, their_records = take_next(math.min(PIECE, most - count))
      if not found then break end
      if most == 1 and their_records[1] then return found, their_records end
      for i = 1, #found do
        local record = their_records[i]
        if record then
          count = count + 1
          tokens[count], records[count] = found[i], record
          size = size + #record
        end
      end
    end
    return tokens, records
  end
end
