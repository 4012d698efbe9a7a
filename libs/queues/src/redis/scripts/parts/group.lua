-- Messages of a group are delivered in the order of sending, one batch in flight at a time. A group is offered to receivers,
-- by the rank of its oldest message, when none of its messages is in flight and the oldest is due.
-- In a FIFO queue, as clients of SQS know it, one that is in flight holds back the younger ones only: a group is offered when its oldest
-- message is not in flight, and is due.
-- In a queue that lets several messages of a group be in flight, `maxInFlightPerGroup`, none waits for another: `groups` has those
-- that are ready only, and a group is offered while it has such a message and room. When that option changes, what `groups` has too much
-- is taken out as it is met, and what it lacks comes back with its next change.
-- In a queue whose groups take turns (parts/turns.lua) a group stands by its turn, and a call may come back to one that it has taken from.
-- Leaves: Group: member(group, token) of `groups`; waits_there(is_delayed), whether a message does; enter(group, token, is_delayed), of one
--         that comes back; tokens(group, count, after), the oldest ones, or those that follow a token; is_fifo(); limit(); in_flight(group);
--         take(group, count), which returns those that may go, and begin_flight(group, tokens), they have gone; go_on(group), by this call; end_flight(group, count);
--         changed(group), so that offer_changed() looks at it, which returns how many receivers may come for what it has offered.
-- @include parts/marks.lua
-- @include parts/queue.lua
-- @include parts/token.lua
-- @include parts/turns.lua
local Group = {}
do
  -- What a call takes out of `groups` at most that is not ready.
  local MOST_STRAYS = 100
  -- Group -> how many of its messages may have become ready.
  local to_offer
  -- Group -> the last message that this call took of it.
  local taken
  each_call(function() to_offer, taken = nil, nil end)

  local function prefix_of(group) return struct.pack('>I2', #group) .. group end

  function Group.member(group, token) return prefix_of(group) .. Token.member(token) end

  function Group.tokens(group, count, after)
    local prefix = prefix_of(group)
    local first = after and '(' .. Group.member(group, after) or '[' .. prefix
    local members = redis.call('ZRANGE', Queue.key('groups'), first, '[' .. prefix .. '\255', 'BYLEX', 'LIMIT', 0, count)
    for i = 1, #members do members[i] = Token.from_member(string.sub(members[i], -7)) end
    return members
  end

  local function change(group, count)
    to_offer = to_offer or {}
    to_offer[group] = (to_offer[group] or 0) + count
  end

  function Group.changed(group) change(group, 1) end

  local function has_limit() return Marks.has(Marks.GROUP_LIMIT) end

  -- The name of the queue says so. Where groups take turns, have a limit or had another one before, it does not matter.
  function Group.is_fifo()
    return string.sub(KEYS[1], -12) == '.fifo}:queue' and not Marks.has(Marks.GROUP_LIMIT + Marks.GROUPS_MIXED + Marks.FAIR)
  end

  function Group.limit() return has_limit() and Queue.get('maxInFlightPerGroup') or 1 end

  function Group.in_flight(group) return tonumber(redis.call('HGET', Queue.key('busy'), group)) or 0 end

  function Group.waits_there(is_delayed) return not (is_delayed and has_limit()) end

  function Group.enter(group, token, is_delayed)
    if Marks.has(Marks.GROUP_LIMIT + Marks.GROUPS_MIXED) and Group.waits_there(is_delayed) then
      redis.call('ZADD', Queue.key('groups'), '0', Group.member(group, token))
    end
    Group.changed(group)
  end

  local function is_delayed(token) return redis.call('ZSCORE', Queue.key('delayed'), Token.member(token)) end

  local function is_in_flight(token) return redis.call('ZSCORE', Queue.key('inFlight'), token) end

  -- Of messages that do not wait for each other.
  local function take_ready(group, count)
    count = math.min(count, Group.limit() - Group.in_flight(group))
    if count <= 0 then return {} end
    -- Somebody was told of each that is left.
    change(group, 0)
    if not Marks.has(Marks.GROUPS_MIXED) then return Group.tokens(group, count) end
    local ready = {}
    for _, token in ipairs(Group.tokens(group, count + MOST_STRAYS)) do
      if is_delayed(token) or is_in_flight(token) then
        redis.call('ZREM', Queue.key('groups'), Group.member(group, token))
      elseif #ready < count then
        ready[#ready + 1] = token
      end
    end
    return ready
  end

  function Group.take(group, count)
    redis.call('ZREM', Queue.key('ranked'), 'g' .. group)
    if has_limit() then return take_ready(group, count) end
    local last = taken and taken[group]
    if Marks.has(Marks.GROUPS_MIXED) and not last and Group.in_flight(group) > 0 then return {} end
    local tokens, due = Group.tokens(group, count, last), {}
    local is_busy = Group.is_fifo() and Group.in_flight(group) > 0
    for _, token in ipairs(tokens) do
      if is_delayed(token) or (is_busy and is_in_flight(token)) then break end
      due[#due + 1] = token
    end
    return due
  end

  function Group.begin_flight(group, tokens)
    if #tokens == 0 then return end
    redis.call('HINCRBY', Queue.key('busy'), group, #tokens)
    if Turns.are_taken() then
      taken = taken or {}
      taken[group] = tokens[#tokens]
      change(group, 0)
    end
    if not has_limit() then return end
    local members = {}
    for i, token in ipairs(tokens) do members[i] = Group.member(group, token) end
    redis.call('ZREM', Queue.key('groups'), unpack(members))
  end

  -- `count` messages of it are no longer in flight.
  function Group.end_flight(group, count)
    local busy = Queue.key('busy')
    if redis.call('HINCRBY', busy, group, -count) <= 0 then redis.call('HDEL', busy, group) end
    change(group, count)
  end

  local function withdraw(group)
    redis.call('ZREM', Queue.key('ranked'), 'g' .. group)
    return 0
  end

  local function stand(group, head)
    local rank = Token.rank(head)
    if Turns.are_taken() then
      local p = Token.priority(head)
      rank = tonumber(redis.call('ZSCORE', Queue.key('ranked'), 'g' .. group))
      if not rank or not Turns.is_of(rank, p) then rank = Turns.next(p, Turns.GROUP .. group) end
    end
    return redis.call('ZADD', Queue.key('ranked'), rank, 'g' .. group)
  end

  local function offer(group, count)
    if has_limit() then
      local room = Group.limit() - Group.in_flight(group)
      local head = room > 0 and Group.tokens(group, 1)[1]
      if not head then return withdraw(group) end
      stand(group, head)
      return math.min(room, count)
    end
    local is_busy = redis.call('HEXISTS', Queue.key('busy'), group) == 1
    if is_busy and not Group.is_fifo() then return Turns.are_taken() and withdraw(group) or 0 end
    local head = Group.tokens(group, 1)[1]
    if not head or is_delayed(head) or (is_busy and is_in_flight(head)) then return withdraw(group) end
    return stand(group, head)
  end

  -- Until the end of the call, when what it took is a batch in flight.
  function Group.go_on(group)
    if has_limit() then return offer(group, 0) end
    local head = Group.tokens(group, 1, taken and taken[group])[1]
    if head and not is_delayed(head) then stand(group, head) end
  end

  function Group.offer_changed()
    if not to_offer then return 0 end
    local groups, offered = to_offer, 0
    to_offer = nil
    for group, count in pairs(groups) do offered = offered + offer(group, count) end
    return offered
  end
end
