-- Reads the first messages on their way to another queue.
-- KEYS 1 outbox (`out` in state.lua)
-- ARGV 1 how many at most
-- Returns {{number, to, id, attempts, reason, history, posted at, record}, ...}, in order.
local entries = redis.call('LRANGE', KEYS[1], 0, tonumber(ARGV[1]) - 1)
local reply, size = {}, 0
for i, entry in ipairs(entries) do
  size = size + #entry
  if i > 1 and size > 2097152 then break end
  local number, to, id, attempts, reason, history, at, record = cmsgpack.unpack(entry)
  reply[i] = { string.format('%.0f', number), to, id, attempts, reason, history, at, record }
end
return reply
