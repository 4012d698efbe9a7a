-- A message as somebody sees it who asks for it by its id, and why it is not delivered.
-- Leaves: View: of(token, record), {state, until when it is that in ms or -1, kind of what keeps it back, until when in ms or -1, id of
--         the message that blocks it or '', gen, token, tries, attempts, progress, record}.
-- @include parts/attempts.lua
-- @include parts/group.lua
-- @include parts/identity.lua
-- @include parts/progress.lua
-- @include parts/rate.lua
-- @include parts/ready.lua
-- @include parts/tries.lua
local View = {}
do
  -- As many as one delivery may have of a group.
  local MOST_LOOKS = 1000

  local function in_flight_until(token) return tonumber(redis.call('ZSCORE', Queue.key('inFlight'), token)) end

  local function delayed_until(token) return tonumber(redis.call('ZSCORE', Queue.key('delayed'), Token.member(token))) end

  -- Another message of its group goes first: the oldest one, or one that is in flight.
  local function blocking(token, record)
    local group = Record.group(record, token)
    local head = Group.tokens(group, 1)[1]
    if head ~= token then return head end
    if redis.call('HEXISTS', Queue.key('busy'), group) == 0 then return nil end
    for _, other in ipairs(Group.tokens(group, MOST_LOOKS)) do
      if in_flight_until(other) then return other end
    end
  end

  local function what_keeps(token, record)
    if q.paused == 1 then return 'paused', -1, '' end
    local other = Token.in_group(token) and blocking(token, record)
    if other then
      local ends = in_flight_until(other) or delayed_until(other) or -1
      return 'group', ends, Identity.of(other, Record.of(other))
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
