#!lua flags=allow-oom
-- Writes something, in a Redis that is full, too.
-- KEYS 1 a key that is used for nothing else
-- ARGV 1 when it goes by itself, ms
return redis.call('SET', KEYS[1], '', 'PX', ARGV[1])
