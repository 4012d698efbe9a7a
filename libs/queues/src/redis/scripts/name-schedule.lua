#!lua flags=allow-oom
-- The names of all schedules: zset of 'NAME QUEUE ID', in lexicographic order. A name stands for one schedule; of any other that has it nothing is sent.
-- KEYS 1 names
-- ARGV 1 name  2 its member, '' for none  3 the one that it gets, '' for none
-- Returns the member that it has now, '' for none: the one that it gets if it had the one that was said.
return function()
  local member = redis.call('ZRANGE', KEYS[1], '[' .. ARGV[1] .. ' ', '(' .. ARGV[1] .. '!', 'BYLEX', 'LIMIT', 0, 1)[1] or ''
  if member ~= ARGV[2] then return member end
  if member ~= '' then redis.call('ZREM', KEYS[1], member) end
  if ARGV[3] ~= '' then redis.call('ZADD', KEYS[1], 0, ARGV[3]) end
  return ARGV[3]
end
