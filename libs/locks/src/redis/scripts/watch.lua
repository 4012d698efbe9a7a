#!lua flags=allow-oom
-- Reads what happened to names that somebody watches. A history is kept while a name is watched, and for
-- WATCH_MS after that, so that a watcher who was cut off can go on where it was.
-- KEYS 1 prefix of the shard
-- ARGV 1 channel prefix  2... name, id after which to read or '' for from now on; again for each name
-- Returns for each name {id of the oldest entry kept, id of the newest, {id, {field, value, ...}, ...}}.
-- @include state.lua
local WATCH_MS, MOST_READ = 300000, 256
local reply = {}
redis.call('SET', P .. 'watching', '1', 'PX', WATCH_MS)
for i = 2, #ARGV, 2 do
  local key, after = P .. 'e:' .. ARGV[i], ARGV[i + 1]
  if redis.call('EXISTS', key) == 0 then redis.call('XADD', key, '*', 'kind', 'watched') end
  redis.call('PEXPIRE', key, WATCH_MS)
  local oldest = redis.call('XRANGE', key, '-', '+', 'COUNT', 1)[1][1]
  local newest = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1][1]
  local entries = after ~= '' and redis.call('XRANGE', key, '(' .. after, '+', 'COUNT', MOST_READ) or {}
  reply[#reply + 1] = { oldest, newest, entries }
end
return reply
