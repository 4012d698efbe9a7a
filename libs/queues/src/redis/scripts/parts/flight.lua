-- What is in flight: delivered, and not yet ended. A queue may have a limit of it, `maxInFlight`.
-- Leaves: Flight: begin(tokens, ends); finish(token, ...), returns how many of them were in flight; room(), how many more may be;
--         freed(), how many have finished that others may follow, and forget(), so that they count once.
-- @include parts/due.lua
-- @include parts/marks.lua
-- @include parts/token.lua
-- @include @redis/integer.lua
local Flight = {}
do
  -- Since somebody was told. What is left by a call that failed wakes a receiver too many.
  local finished = 0

  function Flight.begin(tokens, ends)
    local ends_text, count, ttls = int(ends), #tokens, nil
    local scores = { ends_text, tokens[count] }
    for i = count, 1, -1 do
      local token = tokens[i]
      -- The last one first: a short sorted set is a list, in which each then finds its place at once.
      local at = 2 * (count - i)
      scores[at + 1], scores[at + 2] = ends_text, token
      if Token.has_ttl(token) then
        ttls = ttls or {}
        ttls[#ttls + 1] = token
      end
    end
    redis.call('ZADD', Queue.key('inFlight'), unpack(scores))
    if ttls then redis.call('ZREM', Queue.key('expiring'), unpack(ttls)) end
    Due.announce(ends)
  end

  function Flight.finish(...)
    local count = redis.call('ZREM', Queue.key('inFlight'), ...)
    if Marks.has(Marks.FLIGHT_LIMIT) then finished = finished + count end
    return count
  end

  function Flight.room()
    if not Marks.has(Marks.FLIGHT_LIMIT) then return math.huge end
    return math.max(0, Queue.get('maxInFlight') - redis.call('ZCARD', Queue.key('inFlight')))
  end

  function Flight.freed() return finished end

  function Flight.forget() finished = 0 end
end
