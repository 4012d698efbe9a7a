#!lua flags=allow-oom
-- Puts dead letters that are ready on their way back: one step of a redrive.
-- KEYS 1 queue (see parts/queue.lua)
-- ARGV 1 how many at most  2 queue that they go to ('': where each came from)
--      3 node that runs the timers ('': the caller)  4 id of this step ('': none)
--      5 for how long its outcome is remembered, ms
-- Returns {moved, looked at, due in ms or -1, 1 when this step was done before, level of the queue, unless
--         it is 'local'}; nil when there is no such queue.
-- Invariant: a message that has left for another queue is in this one no more; a step with an id is done once.
-- @include @redis/happened.lua
-- @include parts/instance.lua
-- @include parts/take.lua
-- @include parts/way-back.lua
local FIELDS = { texts = 2, 'gen', 'instance' }

return function()
  if not Queue.open(FIELDS) then return nil end
  Instance.check()
  Queue.open(Queue.ALL)
  local outcome = ARGV[4] ~= '' and Queue.lasting_key('redrive:' .. ARGV[4])
  local before = outcome and redis.call('GET', outcome)
  if before then return { tonumber(before), 0, -1, 1, Queue.level() } end

  local tokens, records = Take.first(tonumber(ARGV[1]))
  local moved = 0
  for i, token in ipairs(tokens) do
    local record = records[i]
    local to = WayBack.leads(record, ARGV[2])
    local group = Token.in_group(token) and Record.group(record, token)
    if group then Group.end_flight(group, 1) end
    if to then
      WayBack.post(token, record, to)
      moved = moved + 1
    elseif group then
      Group.enter(group, token, false)
    else
      if Record.is_rescheduled(record) then Ready.requeue_first(token) else Ready.arrive(token) end
    end
  end
  if moved > 0 then happened('redriven', Queue.name(), nil, moved) end
  Ready.place()
  local due = Due.tell(ARGV[3])
  if outcome then redis.call('SET', outcome, moved, 'PX', ARGV[5]) end
  Queue.save()
  return { moved, #tokens, due, 0, Queue.level() }
end
