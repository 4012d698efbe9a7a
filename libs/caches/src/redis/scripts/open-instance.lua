#!lua flags=allow-oom
-- Opens an instance: the caller has waited until every lease of the one before was over.
-- KEYS 1, 2 as in find-instance.lua
-- ARGV 1 id of the instance
-- Returns 1, or 0 when another one has begun since.
return function()
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
  redis.call('HSET', KEYS[2], 'open', 1)
  return 1
end
