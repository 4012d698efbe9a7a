#!lua flags=no-writes
-- The requests that Redis has for a process, to compare them with what the process has.
-- KEYS 1 prefix of the shard
-- ARGV 1 process id
-- Returns {wait id, ...}.
return function()
  return redis.call('SMEMBERS', KEYS[1] .. 'n:' .. ARGV[1])
end
