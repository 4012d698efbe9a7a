#!lua flags=no-writes
-- Reads what happened after an event.
-- KEYS 1 events
-- ARGV 1 id of the event, '' for none: from now on
-- Returns {id of the oldest that is kept, id of the newest, {id, {field, value}, ...}}; '0-0' for an id when there is none.
local MOST_READ = 256

return function()
  local after = ARGV[1]
  local oldest = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
  local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
  local entries = after ~= '' and redis.call('XRANGE', KEYS[1], '(' .. after, '+', 'COUNT', MOST_READ) or {}
  return { oldest and oldest[1] or '0-0', newest and newest[1] or '0-0', entries }
end
