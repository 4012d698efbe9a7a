-- What is kept of messages that were acked or cancelled, for the `keepResultsMs` that the queue had then: how they ended, their result,
-- and themselves. Its bytes are counted in `kept`, and with it against `maxBytes`.
-- Leaves: Results: are_kept(); keep(id, token, record, how, ack), before its attempts and progress are forgotten, `ack`: {attempt, a line,
--         result, JSON or ''}, nil of one that was cancelled; how(id), JSON or nil; of(id), {how, result, progress, tries, attempts, record} or nil; end_due(most), of which the time is over; next_end(), ms or nil.
-- @include @redis/clock.lua
-- @include parts/attempts.lua
-- @include parts/due.lua
-- @include parts/progress.lua
-- @include parts/tries.lua
local Results = {}
do
  function Results.are_kept() return Marks.has(Marks.KEEPS_RESULTS) end

  local function any() return (Queue.get('kept') or 0) > 0 end

  function Results.keep(id, token, record, how, ack)
    local tries = Tries.of({ token })[1]
    local attempts = (tries and Attempts.of(token) or '') .. (ack and ack.attempt or '')
    local kept = cmsgpack.pack(how, ack and ack.result or '', Progress.of(token), tonumber(tries) or 0, attempts, record)
    local ends = now + Queue.get('keepResultsMs')
    redis.call('HSET', Queue.key('results'), id, kept)
    redis.call('ZADD', Queue.key('resultsEnd'), ends, id)
    Queue.add('kept', #kept)
    Due.announce(ends)
  end

  local function stored(id) return any() and redis.call('HGET', Queue.key('results'), id) end

  function Results.how(id)
    local kept = stored(id)
    return kept and (cmsgpack.unpack(kept)) or nil
  end

  function Results.of(id)
    local kept = stored(id)
    return kept and { cmsgpack.unpack(kept) } or nil
  end

  function Results.end_due(most)
    local ids = any() and redis.call('ZRANGE', Queue.key('resultsEnd'), '-inf', now, 'BYSCORE', 'LIMIT', 0, most) or {}
    for _, id in ipairs(ids) do
      Queue.add('kept', -redis.call('HSTRLEN', Queue.key('results'), id))
      redis.call('HDEL', Queue.key('results'), id)
      redis.call('ZREM', Queue.key('resultsEnd'), id)
    end
  end

  function Results.next_end()
    return any() and tonumber(redis.call('ZRANGE', Queue.key('resultsEnd'), 0, 0, 'WITHSCORES')[2]) or nil
  end
end
