#!lua flags=allow-oom
-- Takes over messages that another queue has posted here. Limits do not apply: they would lose messages. New ones were judged before they
-- were posted.
-- KEYS 1 queue (see parts/queue.lua)
-- ARGV 1 queue that they come from  2 node that runs the timers ('': nobody is to be told)
--      then for each, in order: number, record without the time, '1' when it comes back to where it was sent, id, '' for a new message,
--      delay in ms, deduplication (parts/deduplication.lua) or '': only the first may have one
-- Returns 1; nil when there is no such queue.
-- Invariant: each number is taken over once.
-- @include @redis/integer.lua
-- @include parts/append.lua
-- @include parts/deduplication.lua
-- @include parts/identity.lua
-- @include parts/instance.lua
-- @include parts/rewrite.lua
-- @include parts/waiters.lua
local FIELDS = { texts = 2, 'gen', 'instance' }

-- As send.lua does, but nobody waits for what became of it.
local function send(tail, delay, deduplication)
  local given = deduplication ~= '' and Deduplication.read(deduplication)
  local original = given and Deduplication.find(given.hash)
  local waiting = original and given.replaces and Rewrite.waiting(original, tail, delay)
  if waiting then
    Rewrite.to(waiting.token, waiting.record, waiting.changed, waiting.due)
    Deduplication.remember(given, original, Token.seq(waiting.token))
  elseif not original or given.replaces then
    local seq = Append.add(tail, delay)
    Queue.add('sent', 1)
    if given then Deduplication.remember(given, q.gen .. '-' .. int(seq), seq) end
  end
end

local function take_over(tail, is_back, id)
  Identity.adopt(Append.add(tail, 0), id)
  if is_back and q.dead > 0 then Queue.add('dead', -1) else Queue.add('sent', 1) end
end

return function()
  if not Queue.open(FIELDS) then return nil end
  Instance.check()
  Queue.open(Queue.ALL)
  local from = 'from:' .. ARGV[1]
  local last = tonumber(redis.call('HGET', KEYS[1], from)) or 0
  for i = 3, #ARGV, 6 do
    local number = tonumber(ARGV[i])
    if number > last then
      local tail, is_back, id, delay, deduplication = unpack(ARGV, i + 1, i + 5)
      if id == '' then send(tail, delay + 0, deduplication) else take_over(tail, is_back == '1', id) end
      last = number
    end
  end
  Append.write()
  redis.call('HSET', KEYS[1], from, int(last))
  Waiters.wake(Ready.place())
  Due.tell(ARGV[2])
  Queue.save()
  return 1
end
