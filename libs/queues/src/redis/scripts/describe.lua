#!lua flags=allow-oom
-- Configuration and counts, as of one moment.
-- KEYS 1 queue (see parts/queue.lua)
-- ARGV fields of the configuration
-- Returns {their values, paused, ready, delayed, in flight, dead, bytes, ages of the oldest and of the oldest that is ready in ms,
--         sent, received, acked, failed, expired, lost, labels}; nil when there is no such queue.
-- Invariant: ready + delayed + in flight + dead = sent - acked - expired.
-- @include @redis/integer.lua
-- @include parts/due-work.lua
-- @include parts/ready.lua
-- In a bucket with fewer messages it is quicker to look at all of them.
local FEW = 512

-- When the oldest message that is not gone was sent. `low` only grows, so looking for it is paid for once.
local function oldest_at()
  local seq = q.low
  while seq < q.seq do
    local bucket = Record.bucket(seq)
    local size = redis.call('HLEN', bucket)
    local field = seq % Record.PER_BUCKET
    if size == 0 then
      seq = seq - field + Record.PER_BUCKET
    elseif size <= FEW then
      local first = Record.PER_BUCKET
      for _, other in ipairs(redis.call('HKEYS', bucket)) do first = math.min(first, tonumber(other)) end
      seq = seq - field + first
      break
    elseif redis.call('HEXISTS', bucket, field) == 1 then
      break
    else
      seq = seq + 1
    end
  end
  if seq ~= q.low then Queue.set('low', seq) end
  return Record.enqueued_at(redis.call('HGET', Record.bucket(seq), Record.field(seq)))
end

-- Of those that come next by their priority, which are the oldest of it but for delayed ones that became ready later.
local function oldest_ready_at()
  local oldest = math.huge
  local function consider(token)
    local record = token and Record.of(token)
    if record then oldest = math.min(oldest, Record.enqueued_at(record)) end
  end
  for p = 0, 9 do
    if bit.band(q.mask, 2 ^ p) ~= 0 then consider(redis.call('LINDEX', Ready.list_key(p), 0)) end
    local lowest = Token.rank(Token.of(0, p))
    local ranked = redis.call('ZRANGE', Queue.key('ranked'), lowest, '(' .. int(lowest + 2 ^ 49), 'BYSCORE', 'LIMIT', 0, 1)[1]
    local kind = ranked and string.sub(ranked, 1, 1)
    if kind then
      local name = string.sub(ranked, 2)
      consider(kind == 'g' and Group.tokens(name, 1)[1] or kind == 'm' and name)
    end
  end
  return oldest
end

return function()
  if not Queue.open(Queue.ALL) then return nil end
  if q.due and q.due <= now then
    DueWork.run()
    Waiters.wake(Ready.newly_ready())
  end
  local delayed, in_flight, age, ready_age = 0, 0, 0, 0
  if q.live > 0 then
    delayed, in_flight = redis.call('ZCARD', Queue.key('delayed')), redis.call('ZCARD', Queue.key('inFlight'))
    age, ready_age = math.max(0, now - oldest_at()), math.max(0, now - oldest_ready_at())
  end
  Queue.save()
  local configuration = redis.call('HMGET', KEYS[1], unpack(ARGV))
  return {
    configuration, q.paused, q.live - delayed - in_flight, delayed, in_flight, q.dead,
    q.bytes + (q.kept or 0), age, ready_age, q.sent, in_flight + q.acked + (Queue.get('unacked') or 0), q.acked, Queue.get('failed') or 0, q.expired,
    Queue.get('lost') or 0, redis.call('HGET', KEYS[1], 'labels') or '',
  }
end
