#!lua flags=allow-oom
-- Configuration and counts, as of one moment.
-- KEYS 1 queue (see state.lua)
-- ARGV 1 prefix of the channels that wake nodes
-- Returns {configuration, paused, ready, delayed, in flight, dead, bytes, age of the oldest in ms, sent, acked, expired};
--         nil when there is no such queue.
-- Invariant: ready + delayed + in flight + dead = sent - acked - expired.
-- @include due-work.lua
-- In a bucket with fewer messages it is quicker to look at all of them.
local FEW = 512

-- When the oldest message that is not gone was sent. `low` only grows, so looking for it is paid for once.
local function oldest_at()
  local seq = q.low
  while seq < q.seq do
    local bucket = key('b:' .. math.floor(seq / BUCKET))
    local size = call('HLEN', bucket)
    local field = seq % BUCKET
    if size == 0 then
      seq = (math.floor(seq / BUCKET) + 1) * BUCKET
    elseif size <= FEW then
      local first = BUCKET
      for _, other in ipairs(call('HKEYS', bucket)) do first = math.min(first, tonumber(other)) end
      seq = math.floor(seq / BUCKET) * BUCKET + first
      break
    elseif call('HEXISTS', bucket, field) == 1 then
      break
    else
      seq = seq + 1
    end
  end
  if seq ~= q.low then set('low', seq) end
  return enqueued_at(call('HGET', key('b:' .. math.floor(seq / BUCKET)), seq % BUCKET))
end

if not open(ALL) then return nil end
if q.due and q.due <= now then
  do_due_work()
  wake(fresh, ARGV[1])
end
local delayed, flying = call('ZCARD', key('delayed')), call('ZCARD', key('inFlight'))
local age = q.live > 0 and math.max(0, now - oldest_at()) or 0
save()
return {
  call('HGET', KEYS[1], 'configuration'), q.paused, q.live - delayed - flying, delayed, flying, q.dead, q.bytes, age,
  q.sent, q.acked, q.expired,
}
