#!lua flags=allow-oom
-- Makes a queue, or gives one a new configuration.
-- KEYS 1 queue (see parts/queue.lua)
-- ARGV 1 'make': leave one that exists alone, or 'change': leave it unmade  2 secret for a new queue
--      3 node that runs the timers ('': the caller)  4 '1': a new Redis instance may lack it, which the nodes are to tell first
--      5 generation that it had in the instance before ('': a new one)  then field, value, ...; an empty value: none
-- Returns {1 when this was done, 0 when not; due in ms or -1}.
-- Invariant: a queue that is made again begins a generation that was never used.
-- @include @redis/clock.lua
-- @include @redis/hint.lua
-- @include @redis/integer.lua
-- @include parts/due.lua
-- @include parts/instance.lua
-- @include parts/marks.lua
-- @include parts/turns.lua
-- @include parts/waiters.lua
local COUNTERS = {
  'seq', 'live', 'bytes', 'sent', 'acked', 'expired', 'dead', 'mask', 'low', 'sweep', 'sweepAt', 'paused', 'kept',
}

return function()
  local exists = Queue.open(Queue.ALL) ~= false
  if exists == (ARGV[1] == 'make') then return { 0, -1 } end
  local gen = ARGV[5]
  if not exists and gen == '' then Instance.check_absent(ARGV[4] == '1') end
  local set, unset = {}, {}
  for i = 6, #ARGV, 2 do
    if ARGV[i + 1] == '' then
      unset[#unset + 1] = ARGV[i]
    else
      set[#set + 1], set[#set + 2] = ARGV[i], ARGV[i + 1]
    end
  end
  redis.call('HSET', KEYS[1], unpack(set))
  if exists then
    if #unset > 0 then redis.call('HDEL', KEYS[1], unpack(unset)) end
    if q.live > 0 then Due.announce(now) end
  else
    if gen == '' then
      gen = int(micros)
      Queue.set('instance', Instance.name())
    end
    redis.call('HSET', KEYS[1], 'gen', gen, 'secret', ARGV[2])
    for _, counter in ipairs(COUNTERS) do Queue.set(counter, 0) end
    hint('queue', 'queue.made', nil, cjson.encode({ queue = Queue.name() }))
  end
  local had_group_limit, took_turns = Marks.has(Marks.GROUP_LIMIT), Turns.are_taken()
  Marks.note_options()
  if not Turns.are_taken() ~= not took_turns then Turns.restart() end
  if exists and q.live > 0 then
    local has_group_limit = Marks.has(Marks.GROUP_LIMIT)
    if has_group_limit ~= had_group_limit then Marks.add(Marks.GROUPS_MIXED) end
    if has_group_limit then Queue.set('regroup', 1) end
    Waiters.wake_for_all()
  end
  local due = Due.tell(ARGV[3])
  Queue.save()
  return { 1, due }
end
