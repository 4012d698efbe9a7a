-- Messages of a group are delivered in the order of sending, one batch in flight at a time. A group is offered to receivers,
-- by the rank of its oldest message, when none of its messages is in flight and the oldest is due.
-- Leaves: Group: member(group, token) of `groups`; tokens(group, count), the oldest ones; end_flight(group, count);
--         changed(group), so that offer_changed() looks at it, which returns how many groups it has offered.
-- @include parts/queue.lua
-- @include parts/token.lua
local Group = {}
do
  local to_offer
  each_call(function() to_offer = nil end)

  local function prefix_of(group) return struct.pack('>I2', #group) .. group end

  function Group.member(group, token) return prefix_of(group) .. Token.member(token) end

  function Group.tokens(group, count)
    local prefix = prefix_of(group)
    local members =
      redis.call('ZRANGE', Queue.key('groups'), '[' .. prefix, '[' .. prefix .. '\255', 'BYLEX', 'LIMIT', 0, count)
    for i = 1, #members do members[i] = Token.from_member(string.sub(members[i], -7)) end
    return members
  end

  function Group.changed(group)
    to_offer = to_offer or {}
    to_offer[group] = true
  end

  -- `count` messages of it are no longer in flight.
  function Group.end_flight(group, count)
    local busy = Queue.key('busy')
    if redis.call('HINCRBY', busy, group, -count) <= 0 then redis.call('HDEL', busy, group) end
    Group.changed(group)
  end

  local function offer(group)
    if redis.call('HEXISTS', Queue.key('busy'), group) == 1 then return 0 end
    local head = Group.tokens(group, 1)[1]
    if not head or redis.call('ZSCORE', Queue.key('delayed'), Token.member(head)) then
      redis.call('ZREM', Queue.key('ranked'), 'g' .. group)
      return 0
    end
    return redis.call('ZADD', Queue.key('ranked'), Token.rank(head), 'g' .. group)
  end

  function Group.offer_changed()
    if not to_offer then return 0 end
    local groups, offered = to_offer, 0
    to_offer = nil
    for group in pairs(groups) do offered = offered + offer(group) end
    return offered
  end
end
