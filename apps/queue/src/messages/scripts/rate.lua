-- The rate limit of a queue: a token bucket.
-- @include state.lua
-- Receives allowed now by the rate limit; the bucket holds `rateMax` and refills evenly over `ratePer` ms.
local function allowance()
  if not q.rateMax then return math.huge end
  local tokens = q.tokens or q.rateMax
  local elapsed = math.max(0, now - (q.tokensAt or now))
  return math.min(q.rateMax, tokens + elapsed * q.rateMax / q.ratePer)
end

local function spend(tokens, count)
  set('tokens', tokens - count)
  set('tokensAt', now)
end
