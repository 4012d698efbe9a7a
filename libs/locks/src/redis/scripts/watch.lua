#!lua flags=allow-oom
-- Reads what happened to names that somebody watches. A history is kept while a name is watched, and for
-- WATCH_MS after that, so that a watcher who was cut off can go on where it was.
-- KEYS 1 prefix of the shard
-- ARGV 1... name, id after which to read or '' for from now on; again for each name
-- Returns for each name {id of the oldest entry kept, id of the newest, {id, {field, value, ...}, ...}}.
-- @include @redis/hybrid-clock.lua
local WATCH_MS, MOST_READ = 300000, 256

return function()
  local reply = {}
  if not redis.call('SET', KEYS[1] .. 'watching', '1', 'PX', WATCH_MS, 'GET') then
    -- So all libraries ask again who watches (see instance.lua).
    HybridClock.disown(KEYS[1] .. 'clock')
  end
  for i = 1, #ARGV, 2 do
    local events, after = KEYS[1] .. 'e:' .. ARGV[i], ARGV[i + 1]
    if redis.call('EXISTS', events) == 0 then redis.call('XADD', events, '*', 'kind', 'watched') end
    redis.call('PEXPIRE', events, WATCH_MS)
    local oldest = redis.call('XRANGE', events, '-', '+', 'COUNT', 1)[1][1]
    local newest = redis.call('XREVRANGE', events, '+', '-', 'COUNT', 1)[1][1]
    local entries = after ~= '' and redis.call('XRANGE', events, '(' .. after, '+', 'COUNT', MOST_READ) or {}
    reply[#reply + 1] = { oldest, newest, entries }
  end
  return reply
end
