#!lua
-- Puts a queue on the list of names, unless its tenant has as many as it may.
-- KEYS 1 names, or that part of them which has this one
-- ARGV 1 name  2 first and 3 last of what a name of the tenant may be, as ZLEXCOUNT takes them  4 most names of the tenant here
-- Returns 1 when the name is on the list, 0 when that would be one too many.
-- Invariant: the list has no more names of the tenant, but for those that nobody counted.
return function()
  if redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 1 end
  if redis.call('ZLEXCOUNT', KEYS[1], ARGV[2], ARGV[3]) >= ARGV[4] + 0 then return 0 end
  return redis.call('ZADD', KEYS[1], 0, ARGV[1])
end
