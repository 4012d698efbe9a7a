-- Receives that may be repeated, by an id that their caller chose. For 5 minutes, and while all that it got is in flight as it was left, the same id
-- gets the same deliveries again, each time for a whole visibility timeout. So there are never more of these than deliveries.
--   attempt:ID string   claim of the call that was told them last, when they were handed out, end of the visibility timeout, tokens, earlier deliveries of each; with a TTL
-- Leaves: ReceiveAttempt: find(id), returns the tokens and when they were handed out, nil when it gets others; remember(id, claim, at, ends, tokens, tries);
--         withdraw(id, claim), true when no later call was told them: nobody is, from now on.
-- @include @redis/clock.lua
-- @include parts/tries.lua
local ReceiveAttempt = {}
do
  local REPEATABLE_MS = 300000

  local function key_of(id) return Queue.key('attempt:') .. id end

  function ReceiveAttempt.find(id)
    local kept = redis.call('GET', key_of(id))
    if not kept then return nil end
    local _, at, ends, tokens, earlier = cmsgpack.unpack(kept)
    local scores, tries = redis.call('ZMSCORE', Queue.key('inFlight'), unpack(tokens)), Tries.of(tokens)
    for i = 1, #tokens do
      local is_as_it_was = scores[i] and scores[i] + 0 == ends and ends > now and (tries[i] or 0) + 0 == earlier[i]
      if not is_as_it_was then return nil end
    end
    return tokens, at
  end

  function ReceiveAttempt.remember(id, claim, at, ends, tokens, tries)
    local left = math.min(at + REPEATABLE_MS, ends) - now
    if left <= 0 then return redis.call('DEL', key_of(id)) end
    local earlier = {}
    for i = 1, #tokens do earlier[i] = (tries[i] or 0) + 0 end
    redis.call('SET', key_of(id), cmsgpack.pack(claim, at, ends, tokens, earlier), 'PX', left)
  end

  function ReceiveAttempt.withdraw(id, claim)
    local kept = redis.call('GET', key_of(id))
    return kept and cmsgpack.unpack(kept) == claim and redis.call('DEL', key_of(id)) == 1
  end
end
