#!lua flags=no-writes
-- Which schedules have an occurrence that has come.
-- KEYS 1 queue (see parts/queue.lua)
-- ARGV 1 how many at most
-- Returns {now in ms, in how many ms the next occurrence comes, 0 when it has come, -1 for none,
--         then of each whose occurrence has come: {id, occurrence in ms, name, rule, revision, sent}}; nil when there is no such queue.
-- @include parts/schedule.lua
return function()
  if not Queue.open({ texts = 1, 'gen' }) then return nil end
  local first = Schedule.next_due()
  local reply = { now, first and math.max(0, first - now) or -1 }
  local due = redis.call('ZRANGE', Queue.lasting_key('schedules'), '-inf', now, 'BYSCORE', 'LIMIT', 0, ARGV[1], 'WITHSCORES')
  for i = 1, #due, 2 do
    reply[#reply + 1] =
      { due[i], due[i + 1], unpack(redis.call('HMGET', Schedule.key(due[i]), 'name', 'rule', 'revision', 'sent')) }
  end
  return reply
end
