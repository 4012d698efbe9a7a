-- The requests that Redis has for a process, to compare them with what the process has.
-- KEYS 1 prefix of the shard
-- ARGV 1 channel prefix  2 id of the process
-- Returns {wait id, ...}.
return redis.call('SMEMBERS', KEYS[1] .. 'n:' .. ARGV[2])
