-- A hint to nodes, as a packet of Nest's Redis transport. A hint may be lost, so correctness never depends on it.
-- Channels begin, as keys do, with the prefix of the namespace.
-- Leaves: hint(role, pattern, node, data): to one node, or with nil to every node of the role; `data` is JSON text. Returns how many
--         heard it at this Redis: on a Redis Cluster others may at its other primaries.
local function hint(role, pattern, node, data)
  local channel = string.match(KEYS[1], '^(.-)syncline:') .. 'syncline.' .. role .. '.' .. pattern
  if node then channel = channel .. '.' .. node end
  return redis.call('PUBLISH', channel, '{"pattern":"' .. pattern .. '","data":' .. data .. '}')
end
