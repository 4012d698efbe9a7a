-- What happened to names that somebody watches.
-- Leaves: Event.log(kind, name, record, ending): of a lease, with its end in ms.
-- @include @redis/hint.lua
-- @include parts/instance.lua
-- @include parts/name.lua
local Event = {}
local EVENTS_KEPT = 256

function Event.log(kind, name, record, ending)
  if not Instance.is_watched() then return end
  local events = prefix .. 'e:' .. name.id
  if name.watched == nil then name.watched = redis.call('EXISTS', events) == 1 end
  if not name.watched then return end
  redis.call('XADD', events, 'MAXLEN', EVENTS_KEPT, '*', 'kind', kind, 'record', record, 'expires', ending)
  hint('lock', 'lock.event', nil, '{"key":"' .. name.id .. '"}')
end
