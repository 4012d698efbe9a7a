-- What can be received, in order: higher priority first, then the older one. Plain messages stand in a list a priority, in
-- the order in which they became ready for the first time; groups, messages that came back and those with a TTL of their
-- own stand in `ranked`, by their age. `mask` has a bit for each list that may hold something.
-- Leaves: Ready: arrive(token) for the first time, list(tokens, priority) of plain ones, requeue_first(token) before all that are
--         younger, all written by place(), which returns newly_ready(): messages and groups that became receivable in this call;
--         at_least(count); pull(most), takes those back that arrived; list_key(p), highest() or nil, drained(p), first_ranked() and its rank, any().
-- @include parts/group.lua
-- @include @redis/integer.lua
local Ready = {}
do
  local LISTS = { [0] = 'r:0', 'r:1', 'r:2', 'r:3', 'r:4', 'r:5', 'r:6', 'r:7', 'r:8', 'r:9' }
  local BITS = { [0] = 1, 2, 4, 8, 16, 32, 64, 128, 256, 512 }
  -- By priority.
  local arrived
  local ranked, newly
  each_call(function() arrived, ranked, newly = nil, nil, 0 end)

  function Ready.newly_ready() return newly end

  -- So many may be received now, since a limit no longer holds them back.
  function Ready.at_least(count) newly = math.max(newly, count) end

  function Ready.list_key(p) return Queue.key(LISTS[p]) end

  function Ready.requeue_first(token)
    ranked = ranked or {}
    ranked[#ranked + 1] = Turns.are_taken() and Turns.reserve(Token.priority(token), Turns.PLAIN) or Token.rank(token)
    ranked[#ranked + 1] = 'm' .. int(token)
    newly = newly + 1
  end

  function Ready.list(tokens, p)
    local others = arrived and arrived[p]
    if others then
      for i = 1, #tokens do others[#others + 1] = tokens[i] end
    elseif arrived then
      arrived[p] = tokens
    else
      arrived = { [p] = tokens }
    end
    newly = newly + #tokens
  end

  function Ready.arrive(token)
    if Token.has_ttl(token) then return Ready.requeue_first(token) end
    Ready.list({ token }, Token.priority(token))
  end

  function Ready.pull(most)
    local pulled, count = {}, 0
    for p = 9, 0, -1 do
      local tokens = arrived[p]
      if tokens and count < most then
        local taken = math.min(#tokens, most - count)
        for i = 1, taken do pulled[count + i] = tokens[i] end
        count = count + taken
        arrived[p] = taken < #tokens and { unpack(tokens, taken + 1) } or nil
      end
    end
    newly = newly - count
    return pulled
  end

  function Ready.place()
    if arrived then
      for p, tokens in pairs(arrived) do
        redis.call('RPUSH', Queue.key(LISTS[p]), unpack(tokens))
        if q.mask % (2 * BITS[p]) < BITS[p] then Queue.add('mask', BITS[p]) end
      end
    end
    if ranked then redis.call('ZADD', Queue.key('ranked'), unpack(ranked)) end
    arrived, ranked = nil, nil
    newly = newly + Group.offer_changed()
    return newly
  end

  function Ready.highest()
    if q.mask == 0 then return nil end
    local p = 0
    while p < 9 and q.mask >= BITS[p + 1] do p = p + 1 end
    return p
  end

  -- There is nothing left in this list.
  function Ready.drained(p) Queue.add('mask', -BITS[p]) end

  function Ready.first_ranked()
    local found = redis.call('ZRANGE', Queue.key('ranked'), '0', '0', 'WITHSCORES')
    return found[1], found[1] and tonumber(found[2])
  end

  function Ready.any() return q.mask ~= 0 or redis.call('EXISTS', Queue.key('ranked')) == 1 end
end
