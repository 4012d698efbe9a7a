#!lua flags=no-writes
-- Reads an entry, and the state of its fill lease, for a reader that may hold nothing: also in a Redis that takes no writes
-- now, since it is full, cannot save its data or has too few replicas. A replica answers nothing: it may be out of date.
-- KEYS 1 stem  2 the fill lease of the key  3 what the caches of its shard share
-- ARGV 1 key  2 incarnation ('' : none)  3 bytes of the largest value that it takes ('' : any)
-- Returns {what Reading.reply says, ms until the fill lease in force ends, its name}; 0 and '' when there is none.
-- @include parts/fill-lease.lua
-- @include parts/reading.lua
return function()
  if not string.find(redis.call('INFO', 'replication'), 'role:master', 1, true) then
    return redis.error_reply('READONLY This is a replica.')
  end
  local key = ARGV[1]
  local entry, too_large = Reading.find(key, ARGV[3])
  local reading = Reading.reply(entry, Alive.has(ARGV[2]), false, too_large)
  local lease = FillLease.of(key)
  if not lease then return { reading, 0, '' } end
  return { reading, redis.call('PTTL', FillLease.key(key)), FillLease.name(lease) }
end
