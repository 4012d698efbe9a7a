-- The ways by which a message leaves other than by its ack: back to the ready ones, away for ever, or to the dead letters.
-- Leaves: Message: unplace(token), of one that waits; forget(token, record, state, ...) of one that stands in no place any more,
--         as Ended.note has it; expire(token, record), counted; cancel(token, record, reason), wherever it stands;
--         place(token, record, delay), of one that comes back: before all that are younger, or for a delay;
--         put_back(token, record, delay) and fail(token, why, delay, facts, dead) of one that has left `inFlight`, see there.
-- @include @redis/happened.lua
-- @include parts/attempts.lua
-- @include parts/ended.lua
-- @include parts/flight.lua
-- @include parts/outbox.lua
-- @include parts/ready.lua
-- @include parts/tries.lua
local Message = {}
do
  function Message.unplace(token)
    if redis.call('ZREM', Queue.key('delayed'), Token.member(token)) == 1 or Token.in_group(token) then return end
    if redis.call('ZREM', Queue.key('ranked'), 'm' .. int(token)) == 1 then return end
    -- Elsewhere than at the head the token stays behind: a receive finds no record for it and passes on.
    local list = Ready.list_key(Token.priority(token))
    if tonumber(redis.call('LINDEX', list, 0)) == token then redis.call('LPOP', list) end
  end

  function Message.forget(token, record, state, ...)
    local seq = Token.seq(token)
    redis.call('HDEL', Record.bucket(seq), Record.field(seq))
    Ended.note(token, record, state, ...)
    Tries.forget(token)
    Queue.add('live', -1)
    Queue.add('bytes', -#record)
    if Token.has_ttl(token) then redis.call('ZREM', Queue.key('expiring'), token) end
    if Token.in_group(token) then
      local group = Record.group(record, token)
      redis.call('ZREM', Queue.key('groups'), Group.member(group, token))
      Group.changed(group)
    end
  end

  local function drop(token, record, state, ...)
    Message.forget(token, record, state, ...)
    Queue.add('expired', 1)
  end

  function Message.expire(token, record) drop(token, record, 'gone') end

  function Message.cancel(token, record, reason)
    if Flight.finish(token) == 0 then
      Message.unplace(token)
    else
      Queue.add('unacked', 1)
      if Token.in_group(token) then Group.end_flight(Record.group(record, token), 1) end
    end
    drop(token, record, 'cancelled', reason)
  end

  -- Exponential, spread by a fifth so that what failed together does not come back together.
  local function backoff(attempts, token)
    if not q.backoffBase then return 0 end
    math.randomseed(micros % 1000000 + token)
    local delay = math.min(q.backoffBase * q.backoffFactor ^ (attempts - 1), q.backoffMax)
    local spread = delay * 0.2 * math.random()
    if delay + spread > q.backoffMax then spread = -spread end
    return math.floor(delay + spread)
  end

  -- When its TTL or the retention ends.
  function Message.over_at(token, record)
    local sent_at = Record.enqueued_at(record)
    return sent_at + math.min(q.retentionMs, Token.has_ttl(token) and Record.ttl(record) or math.huge)
  end

  function Message.place(token, record, delay)
    if Token.has_ttl(token) then
      local over_at = Record.enqueued_at(record) + Record.ttl(record)
      redis.call('ZADD', Queue.key('expiring'), over_at, token)
      Due.announce(over_at)
    end
    if Token.in_group(token) then Group.enter(Record.group(record, token), token, delay > 0) end
    if delay > 0 then
      redis.call('ZADD', Queue.key('delayed'), now + delay, Token.member(token))
      Due.announce(now + delay)
    elseif not Token.in_group(token) then
      Ready.requeue_first(token)
    end
  end

  -- It waits again, as Message.place has it. 'expired': its TTL or the retention ends before it could be
  -- delivered again, and it was removed.
  function Message.put_back(token, record, delay)
    if Token.in_group(token) then Group.end_flight(Record.group(record, token), 1) end
    -- The sweep of the retention passes over what is in flight.
    if Message.over_at(token, record) <= now + delay or Token.seq(token) < q.sweep then
      Message.expire(token, record)
      return 'expired'
    end
    Message.place(token, record, delay)
    return 'requeued'
  end

  -- A delivery failed: the message is put back, or a dead letter. `why` and `facts`: see parts/attempts.lua. `delay`: nil for the
  -- back-off. `dead`: whatever it has left.
  function Message.fail(token, why, delay, facts, dead)
    local record = Record.of(token)
    Queue.add('failed', 1)
    Queue.add('unacked', 1)
    local failures = Tries.add_failure(token)
    Attempts.add(token, why, facts)
    if failures < q.maxReceives and not dead then
      return Message.put_back(token, record, delay or backoff(failures, token))
    end

    if Token.in_group(token) then Group.end_flight(Record.group(record, token), 1) end
    local reason = dead and 'rejected' or 'max-receives'
    happened('dead', Queue.name(), { reason = reason })
    Outbox.post(token, record, q.deadLetterQueue, reason, failures)
    Message.forget(token, record, 'dead')
    Queue.add('dead', 1)
    return 'dead'
  end
end
