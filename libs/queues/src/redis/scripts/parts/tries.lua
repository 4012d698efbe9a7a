-- How many deliveries of a message ended without an ack: 1 for each that failed, GIVEN_BACK for each that was given back. Fewer
-- failures than that end every message, so both are told apart; and each makes the receipt of the next delivery another one.
-- First deliveries and their acks never touch this.
-- Leaves: Tries: of(tokens), text or false for each, an empty table when there are none at all; add_failure(token), returns how
--         many failed; add_given_back(token); move(token, to), when its token changes; forget(token, ...).
-- @include parts/marks.lua
local Tries = {}
do
  local GIVEN_BACK, NONE = 1024, {}

  function Tries.of(tokens)
    return Marks.has(Marks.TRIED) and redis.call('HMGET', Queue.key('tries'), unpack(tokens)) or NONE
  end

  local function add(token, amount)
    Marks.add(Marks.TRIED)
    return redis.call('HINCRBY', Queue.key('tries'), token, amount)
  end

  function Tries.add_failure(token) return add(token, 1) % GIVEN_BACK end

  function Tries.add_given_back(token) add(token, GIVEN_BACK) end

  function Tries.move(token, to)
    for _, part in ipairs({ 'tries', 'history', 'progress' }) do
      local value = redis.call('HGET', Queue.key(part), token)
      if value then
        redis.call('HSET', Queue.key(part), to, value)
        redis.call('HDEL', Queue.key(part), token)
      end
    end
  end

  function Tries.forget(...)
    redis.call('HDEL', Queue.key('tries'), ...)
    redis.call('HDEL', Queue.key('history'), ...)
  end
end
