-- The requests that Redis has for a node, to compare them with what the node has.
-- KEYS 1 prefix of the shard
-- ARGV 1 run of the node
-- Returns {wait id, ...}.
return redis.call('SMEMBERS', KEYS[1] .. 'n:' .. ARGV[1])
