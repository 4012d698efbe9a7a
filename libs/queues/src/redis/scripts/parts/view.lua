-- A message as somebody sees it who asks for it by its id, and why it is not delivered.
-- Leaves: View: of(token, record), {state, until when it is that in ms or -1, kind of what keeps it back, until when in ms or -1, id of
--         the message that blocks it or '', gen, token, tries, attempts, progress, record}.
-- @include parts/attempts.lua
-- @include parts/flight.lua
-- @include parts/group.lua
-- @include parts/identity.lua
-- @include parts/progress.lua
-- @include parts/rate.lua
-- @include parts/ready.lua
-- @include parts/tries.lua
local View = {}
do
  -- What is looked through for a message of a group that is in flight, in the order of the ends of their visibility timeouts.
  local MOST_LOOKS = 1000

  local function in_flight_until(token) return tonumber(redis.call('ZSCORE', Queue.key('inFlight'), token)) end

  local function delayed_until(token) return tonumber(redis.call('ZSCORE', Queue.key('delayed'), Token.member(token))) end

  local function first_in_flight(group)
    for _, other in ipairs(redis.call('ZRANGE', Queue.key('inFlight'), 0, MOST_LOOKS - 1)) do
      if Token.in_group(other) and Record.group(Record.of(other), other) == group then return tonumber(other) end
    end
  end

  -- Another message of its group goes first: the oldest one, or one that is in flight.
  local function blocking(token, record)
    local group = Record.group(record, token)
    if not Group.is_fifo() and Group.in_flight(group) >= Group.limit() then return first_in_flight(group) end
    local head = not Marks.has(Marks.GROUP_LIMIT) and Group.tokens(group, 1)[1]
    return head and head ~= token and head or nil
  end

  local function what_keeps(token, record)
    if q.paused == 1 then return 'paused', -1, '' end
    local other = Token.in_group(token) and blocking(token, record)
    if other then
      local ends = in_flight_until(other) or delayed_until(other) or -1
      return 'group', ends, Identity.of(other, Record.of(other))
    end
    if Flight.room() < 1 then
      local first = redis.call('ZRANGE', Queue.key('inFlight'), 0, 0, 'WITHSCORES')
      if first[1] then return 'inFlightLimit', tonumber(first[2]), Identity.of(tonumber(first[1]), Record.of(first[1])) end
    end
    if Rate.allowance() < 1 then return 'rate', Rate.room_at(), '' end
    return 'none', -1, ''
  end

  function View.of(token, record)
    local state, ends, kind, held_until, blocked_by = 'ready', -1, 'none', -1, ''
    if in_flight_until(token) then
      state, ends = 'inFlight', in_flight_until(token)
    elseif delayed_until(token) then
      state, ends = 'delayed', delayed_until(token)
      kind, held_until = 'delayed', ends
    else
      kind, held_until, blocked_by = what_keeps(token, record)
    end
    local tries = tonumber(Tries.of({ token })[1]) or 0
    return { state, ends, kind, held_until, blocked_by, q.gen, token, tries, Attempts.of(token), Progress.of(token), record }
  end
end
