#!lua flags=no-writes
-- Reads the first messages on their way to another queue.
-- KEYS 1 outbox (`out` in parts/queue.lua)  2 queue
-- ARGV 1 how many at most
-- Returns {level of the queue or '', {{number, to, id, attempts, reason, history, posted at, record, what is left of its delay in ms,
--         deduplication}, ...}}, in order; the last two are of new messages, as is an id ''.
-- @include @redis/clock.lua
-- @include @redis/integer.lua
local ENOUGH_BYTES = 2097152

return function()
  local reply, size = {}, 0
  for i, entry in ipairs(redis.call('LRANGE', KEYS[1], 0, ARGV[1] - 1)) do
    size = size + #entry
    if i > 1 and size > ENOUGH_BYTES then break end
    local number, to, id, attempts, reason, history, at, record, delay, deduplication = cmsgpack.unpack(entry)
    local left = delay and delay > 0 and math.max(0, at + delay - now) or 0
    reply[i] = { int(number), to, id, attempts, reason, history, at, record, left, deduplication or '' }
  end
  return { redis.call('HGET', KEYS[2], 'durability') or '', reply }
end
