#!lua flags=allow-oom
-- Configuration and counts, as of one moment.
-- KEYS 1 queue (see parts/queue.lua)
-- Returns {configuration, paused, ready, delayed, in flight, dead, bytes, age of the oldest in ms, sent, acked, expired};
--         nil when there is no such queue.
-- Invariant: ready + delayed + in flight + dead = sent - acked - expired.
-- @include parts/due-work.lua
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

return function()
  if not Queue.open(Queue.ALL) then return nil end
  if q.due and q.due <= now then
    DueWork.run()
    Waiters.wake(Ready.newly_ready())
  end
  local delayed, in_flight = redis.call('ZCARD', Queue.key('delayed')), redis.call('ZCARD', Queue.key('inFlight'))
  local age = q.live > 0 and math.max(0, now - oldest_at()) or 0
  Queue.save()
  return {
    redis.call('HGET', KEYS[1], 'configuration'), q.paused, q.live - delayed - in_flight, delayed, in_flight, q.dead,
    q.bytes, age, q.sent, q.acked, q.expired,
  }
end
