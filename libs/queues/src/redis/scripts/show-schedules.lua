#!lua flags=no-writes
-- Schedules as they stand.
-- KEYS 1 queue (see parts/queue.lua)
-- ARGV ids
-- Returns {now in ms, how many schedules the queue has, -1 when there is no such queue, then for each id: {next occurrence in ms or 'inf', name, rule, tail, revision, paused, sent,
--         of those sent last: at in ms, message id, ...}, empty where there is none}.
-- @include parts/schedule.lua
return function()
  if not Queue.open({ texts = 1, 'gen' }) then return { now, -1 } end
  local reply = { now, redis.call('ZCARD', Queue.lasting_key('schedules')) }
  for i, id in ipairs(ARGV) do
    local at, shown = Schedule.next_of(id), {}
    if at then
      local name, rule, tail, revision, paused, sent, last =
        unpack(redis.call('HMGET', Schedule.key(id), 'name', 'rule', 'tail', 'revision', 'paused', 'sent', 'last'))
      shown = { at, name, rule, tail, revision, paused, sent }
      for _, one in ipairs(last and cmsgpack.unpack(last) or {}) do
        shown[#shown + 1] = one[1]
        shown[#shown + 1] = one[2]
      end
    end
    reply[i + 2] = shown
  end
  return reply
end
