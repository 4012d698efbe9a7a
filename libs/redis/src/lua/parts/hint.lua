-- A hint to nodes, as a packet of Nest's Redis transport. A hint may be lost, so correctness never depends on it.
-- Leaves: hint(role, pattern, node, data): to one node, or with nil to every node of the role; `data` is JSON text.
local function hint(role, pattern, node, data)
  local channel = 'syncline.' .. role .. '.' .. pattern
  if node then channel = channel .. '.' .. node end
  redis.call('PUBLISH', channel, '{"pattern":"' .. pattern .. '","data":' .. data .. '}')
end
