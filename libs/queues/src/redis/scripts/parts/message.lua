-- The ways by which a message leaves other than by its ack: back to the ready ones, away for ever, or to the dead letters.
-- Leaves: Message: forget(token, record) of one that stands in no place any more; expire(token, record), counted;
--         put_back(token, record, delay) and fail(token, why, delay) of one that has left `inFlight`, see there.
-- @include parts/outbox.lua
-- @include parts/ready.lua
-- @include parts/record.lua
-- @include parts/tries.lua
local Message = {}
do
  local KEPT_ATTEMPTS = 20

  function Message.forget(token, record)
    local seq = Token.seq(token)
    redis.call('HDEL', Record.bucket(seq), Record.field(seq))
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

  function Message.expire(token, record)
    Message.forget(token, record)
    Queue.add('expired', 1)
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

  -- It waits again: before all that are younger, or for a delay. 'expired': its TTL or the retention ends before it could be
  -- delivered again, and it was removed.
  function Message.put_back(token, record, delay)
    if Token.in_group(token) then Group.end_flight(Record.group(record, token), 1) end
    local sent_at = Record.enqueued_at(record)
    local over_at = Token.has_ttl(token) and sent_at + Record.ttl(record) or math.huge
    -- The sweep of the retention passes over what is in flight.
    if math.min(over_at, sent_at + q.retentionMs) <= now + delay or Token.seq(token) < q.sweep then
      Message.expire(token, record)
      return 'expired'
    end
    if Token.has_ttl(token) then
      redis.call('ZADD', Queue.key('expiring'), over_at, token)
      Due.announce(over_at)
    end
    if delay > 0 then
      redis.call('ZADD', Queue.key('delayed'), now + delay, Token.member(token))
      Due.announce(now + delay)
    elseif not Token.in_group(token) then
      Ready.requeue_first(token)
    end
    return 'requeued'
  end

  -- A delivery failed: the message is put back, or a dead letter. `why`: 'n' nacked, 't' its time was over. `delay`: nil for the
  -- back-off.
  function Message.fail(token, why, delay)
    local record = Record.of(token)
    local attempts = Tries.add_failure(token)
    local history = (redis.call('HGET', Queue.key('history'), token) or '') .. why .. int(now) .. ';'
    redis.call('HSET', Queue.key('history'), token, string.sub(history, -15 * KEPT_ATTEMPTS))
    if attempts < q.maxReceives then return Message.put_back(token, record, delay or backoff(attempts, token)) end

    if Token.in_group(token) then Group.end_flight(Record.group(record, token), 1) end
    Outbox.post(token, record, q.deadLetterQueue, 'max-receives', attempts)
    Message.forget(token, record)
    Queue.add('dead', 1)
    return 'dead'
  end
end
