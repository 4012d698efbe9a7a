#!lua
-- Writes down what happened, for those who follow the events of a role.
-- KEYS 1 events
-- ARGV 1 role  then events, as JSON
-- Returns nil.
-- @include @redis/hint.lua
local EVENTS_KEPT = 5000

return function()
  for i = 2, #ARGV do redis.call('XADD', KEYS[1], 'MAXLEN', '~', EVENTS_KEPT, '*', 'event', ARGV[i]) end
  hint(ARGV[1], 'events.appended', nil, '{}')
end
