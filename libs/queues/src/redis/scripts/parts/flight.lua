-- What is in flight: delivered, and not yet ended.
-- Leaves: Flight: begin(tokens, ends).
-- @include parts/due.lua
-- @include parts/token.lua
-- @include @redis/integer.lua
local Flight = {}

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
