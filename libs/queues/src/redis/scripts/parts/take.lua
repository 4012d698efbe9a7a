-- Takes messages that are ready out of their places, oldest of the highest priority first.
-- Leaves: Take: first(most), returns tokens and records of what it took. Groups among them are busy from now on.
-- @include parts/message.lua
local Take = {}
do
  -- One reply stays small enough for all who share the connection, however large the bodies are. So few
  -- of the usual size fit in any case.
  local PIECE, FITTING_PIECE, ENOUGH_BYTES = 100, 5, 2097152
  -- Turns cost several times as much as messages of one place.
  local MOST_TURNS = 100

  -- The records of the first tokens, as many as fit into the room; one always does. The other tokens are taken off the list.
  local function fitting(tokens, room)
    local records = Record.of_all(tokens)
    for i = 1, #tokens do
      room = room - (records[i] and #records[i] or 0)
      if room < 0 and i > 1 then
        for k = #tokens, i, -1 do tokens[k], records[k] = nil, nil end
        break
      end
    end
    return records
  end

  -- One whose own TTL is over is removed.
  local function expired(token)
    local ends = Token.has_ttl(token) and redis.call('ZSCORE', Queue.key('expiring'), token)
    if not ends or tonumber(ends) > now then return false end
    Message.expire(token, Record.of(token))
    return true
  end

  local function take_group(group, want, room)
    local tokens = {}
    for _, token in ipairs(Group.take(group, want)) do
      if not expired(token) then tokens[#tokens + 1] = token end
    end
    local records = fitting(tokens, room)
    Group.begin_flight(group, tokens)
    return tokens, records
  end

  -- The first of `ranked`: a group, or the messages that stand before the rank `bound`.
  local function take_ranked(first, bound, want, room)
    if string.sub(first, 1, 1) == 'g' then return take_group(string.sub(first, 2), want, room) end
    local found = redis.call('ZRANGE', Queue.key('ranked'), 0, want - 1, 'WITHSCORES')
    local leaving, tokens, members = {}, {}, {}
    for i = 1, #found, 2 do
      local member = found[i]
      if string.sub(member, 1, 1) == 'g' or tonumber(found[i + 1]) >= bound then break end
      local token = tonumber(string.sub(member, 2))
      if expired(token) then
        leaving[#leaving + 1] = member
      else
        tokens[#tokens + 1], members[#members + 1] = token, member
      end
    end
    local records = fitting(tokens, room)
    for i = 1, #tokens do leaving[#leaving + 1] = members[i] end
    redis.call('ZREM', Queue.key('ranked'), unpack(leaving))
    return tokens, records
  end

  -- Those of the list of a priority that stand before the rank `bound`; the first one does.
  local function take_listed(p, bound, want, room)
    local list = Ready.list_key(p)
    if bound < math.huge then
      local listed, before = redis.call('LRANGE', list, 0, want - 1), 1
      while before < #listed and Token.rank(listed[before + 1]) < bound do before = before + 1 end
      want = before
    end
    local tokens, records
    if want > FITTING_PIECE or (want > 1 and Marks.has(Marks.MESSAGE_LIMIT)) then
      tokens = redis.call('LRANGE', list, 0, want - 1)
      local listed = #tokens
      records = fitting(tokens, room)
      redis.call('LTRIM', list, #tokens, -1)
      if listed < want and #tokens == listed then Ready.drained(p) end
    else
      tokens = redis.call('LPOP', list, want) or {}
      records = Record.of_all(tokens)
      if #tokens < want then Ready.drained(p) end
    end
    if Marks.has(Marks.RESCHEDULED) then
      for i = 1, #tokens do records[i] = records[i] and not Record.is_rescheduled(records[i]) and records[i] end
    end
    return tokens, records
  end

  -- What comes next; nil when nothing is ready.
  local function take_next(want, room)
    local p = Ready.highest()
    local first, rank = Ready.first_ranked()
    local head = p and first and redis.call('LINDEX', Ready.list_key(p), 0)
    if p and first and not head then
      Ready.drained(p)
      return take_next(want, room)
    end
    local bound = head and Token.rank(head) or math.huge
    if first and rank < bound then return take_ranked(first, bound, want, room) end
    if p then return take_listed(p, rank or math.huge, want, room) end
    return nil
  end

  -- Where flows take turns: a message of the one whose turn it is. One that is alone need not.
  local function take_turn(want, room)
    local p, first, rank = Ready.highest(), Ready.first_ranked()
    if not first then
      if p then return take_listed(p, math.huge, want, room) end
      return nil
    end
    if p and not redis.call('LINDEX', Ready.list_key(p), 0) then
      Ready.drained(p)
      return take_turn(want, room)
    end
    local listed = p and Turns.next(p, Turns.PLAIN)
    if listed and listed < rank then
      Turns.serve(listed, Turns.PLAIN)
      return take_listed(p, math.huge, 1, room)
    end
    local group = string.sub(first, 1, 1) == 'g' and string.sub(first, 2)
    Turns.serve(rank, group and Turns.GROUP .. group or Turns.PLAIN)
    local tokens, records = take_ranked(first, math.huge, 1, room)
    if group then Group.go_on(group) end
    return tokens, records
  end

  function Take.first(most)
    local tokens, records, count, size = nil, nil, 0, 0
    local take = take_next
    if Turns.are_taken() then
      take, most = take_turn, math.min(most, MOST_TURNS)
    end
    while count < most and size < ENOUGH_BYTES do
      local found, their_records = take(math.min(PIECE, most - count), ENOUGH_BYTES - size)
      if not found then break end
      if most == 1 and their_records[1] then return found, their_records end
      tokens, records = tokens or {}, records or {}
      for i = 1, #found do
        local record = their_records[i]
        if record then
          count = count + 1
          tokens[count], records[count] = found[i], record
          size = size + #record
        end
      end
    end
    return tokens or {}, records or {}
  end
end
