#!lua flags=allow-oom
-- A node tells what it knows of a queue that is in a new Redis instance, in portions; the instance opens when all nodes have. What
-- they hold is sent again under its ids, and what is lost is counted.
-- KEYS 1 queue (see parts/queue.lua)
-- ARGV 1 node  2 '1': with this portion all is told  3 '1': it is no newcomer  4 node that runs the timers
--      5 how many nodes may know something  their ids...,  then what the node knows: generation ('': nothing), then as in
--      `opening` (parts/instance.lua): seen, unheld, ended;  how many messages that ended  their seqs...,  then for each that it
--      holds: seq, age in ms, delay that is left in ms, its deduplication or '', record without the time
-- Returns {ms until it opens, 0 when it is open; name of the opening, '' when there is nothing to tell; generation, '' when there
--         is no such queue; seqs from and to (-1: no end) that may be told; since it is open: how many were sent again, and how
--         many are lost, that nobody was told of before}
-- Invariants: a message is sent again once, with its id; not when a node knows that it ended; telling again changes nothing.
-- @include @redis/integer.lua
-- @include parts/deduplication.lua
-- @include parts/due.lua
-- @include parts/instance.lua
-- @include parts/message.lua
-- @include parts/trash.lua
-- @include parts/waiters.lua
local FIELDS = { texts = 4, 'gen', 'instance', 'deadLetterQueue', 'durability' }
for i = 4, #Queue.ALL do FIELDS[#FIELDS + 1] = Queue.ALL[i] end
-- Ids that only dead nodes saw are not given again either.
local UNSEEN = 4096
local opening, sent_again

-- Of all that nodes know the newest generation counts: the purge before it was lost.
local function begin_generation(gen)
  Trash.discard()
  for _, counter in ipairs({ 'seq', 'live', 'bytes', 'mask', 'low', 'sweep', 'sweepAt', 'kept' }) do Queue.set(counter, 0) end
  Queue.clear_marks()
  Queue.set('gen', gen)
  Queue.open({ texts = 1, 'gen' })
  if Trash.any() then Due.announce(now) end
  Instance.restart(opening)
end

local function may_tell(seq) return seq >= opening.from and (opening.open ~= 1 or seq < opening.to) end

-- Another node sent it again before.
local function withdraw(seq)
  local record = redis.call('HGET', Record.bucket(seq), Record.field(seq))
  local token = record and Token.of(seq, Record.flags(record))
  if not token or redis.call('ZSCORE', Queue.key('inFlight'), token) then return end
  Message.unplace(token)
  Message.forget(token, record, 'gone')
  Queue.add('sent', -1)
  redis.call('ZREM', Queue.lasting_key('again'), seq)
end

local function end_message(seq)
  if not may_tell(seq) then return end
  withdraw(seq)
  redis.call('ZADD', Queue.lasting_key('over'), seq, seq)
end

local function send_again(seq, age, delay, dedup, tail)
  if not may_tell(seq) or redis.call('ZSCORE', Queue.lasting_key('over'), seq) then return end
  local sent_at = now - age
  local record, token = struct.pack('>I6', sent_at) .. tail, Token.of(seq, string.byte(tail))
  if Token.has_ttl(token) and sent_at + Record.ttl(record) <= now then
    redis.call('ZADD', Queue.lasting_key('over'), seq, seq)
    return
  end
  -- Sent again before; by now it may have been delivered and acknowledged.
  if redis.call('ZADD', Queue.lasting_key('again'), seq, seq) == 0 then return end
  redis.call('HSET', Record.bucket(seq), Record.field(seq), record)
  if q.live == 0 then
    Queue.set('low', seq)
    Queue.set('sweep', seq)
    Queue.set('sweepAt', sent_at)
  else
    Queue.set('low', math.min(q.low, seq))
    Queue.set('sweep', math.min(q.sweep, seq))
    Queue.set('sweepAt', math.min(q.sweepAt, sent_at))
  end
  Due.announce(sent_at + q.retentionMs)
  Queue.add('live', 1)
  Queue.add('bytes', #record)
  Queue.add('sent', 1)
  sent_again = sent_again + 1
  -- Somebody may have the receipt of its first delivery.
  Tries.add_given_back(token)
  if dedup ~= '' then
    local given = Deduplication.read(dedup)
    if not Deduplication.find(given.hash) then Deduplication.remember(given, q.gen .. '-' .. int(seq), seq) end
  end
  if Token.in_group(token) then
    local group = Record.group(record, token)
    if Group.waits_there(delay > 0) then redis.call('ZADD', Queue.key('groups'), '0', Group.member(group, token)) end
    Group.changed(group)
  end
  Message.place(token, record, delay)
end

-- What was acknowledged, that nobody holds and that did not end. Of more ends than those told one by one only the number is known;
-- each message that the data still has accounts for one of them.
local function count_lost()
  local again, over, last = Queue.lasting_key('again'), Queue.lasting_key('over'), '(' .. int(opening.unheld)
  local over_below = redis.call('ZCOUNT', over, '-inf', last)
  local over_above = redis.call('ZCARD', over) - over_below
  local ended = math.max(over_below, opening.ended - opening.gone - opening.live - over_above)
  local lost = math.max(0, opening.unheld - opening.from - redis.call('ZCOUNT', again, '-inf', last) - ended)
  local more = lost - opening.lost
  if more ~= 0 then Queue.add('lost', more) end
  opening.lost = lost
  return math.max(0, more)
end

local function open()
  opening.open = 1
  if q.gen then
    opening.to = math.max(q.seq, opening.seen) + UNSEEN
    Queue.set('seq', opening.to)
    Queue.set('instance', Instance.name())
  end
  Opening.forget(Queue.lasting_key(''))
  hint('queue', 'queue.opened', nil, cjson.encode({ queue = Queue.name() }))
end

-- Returns the index of the first argument after it.
local function learn(at)
  local gen = ARGV[at]
  if gen == '' or not q.gen then return nil end
  if opening.open ~= 1 and tonumber(gen) > tonumber(q.gen) then begin_generation(gen) end
  if gen ~= q.gen then return nil end
  opening.seen = math.max(opening.seen, ARGV[at + 1] + 0)
  opening.unheld = math.max(opening.unheld, ARGV[at + 2] + 0)
  opening.ended = math.max(opening.ended, ARGV[at + 3] + 0)
  return at + 4
end

return function()
  sent_again = 0
  Queue.open(FIELDS)
  opening = Instance.opening()
  if not opening then return { 0, '', q.gen or '', 0, 0, 0, 0 } end
  local first_member, lost, left = 6, 0, 0
  local known = first_member + ARGV[5]
  local at = learn(known)
  if at then
    local last = at + ARGV[at]
    for i = at + 1, last do end_message(ARGV[i] + 0) end
    for i = last + 1, #ARGV, 5 do
      send_again(ARGV[i] + 0, ARGV[i + 1] + 0, ARGV[i + 2] + 0, ARGV[i + 3], ARGV[i + 4])
    end
  end
  if ARGV[2] == '1' and opening.open ~= 1 then
    local prefix = Queue.lasting_key('')
    Opening.tell(prefix, ARGV[1], { unpack(ARGV, first_member, known - 1) }, ARGV[3] == '1')
    left = math.max(0, Opening.left(prefix, opening.since, q.gen))
    if left == 0 then
      open()
      sent_again = redis.call('ZCARD', Queue.lasting_key('again'))
    end
  end
  if opening.open == 1 and q.gen then lost = count_lost() end
  for field, value in pairs(opening) do
    if value and field ~= 'key' then redis.call('HSET', opening.key, field, value) end
  end
  if q.gen then
    for _, part in ipairs({ 'again', 'over' }) do redis.call('PEXPIRE', Queue.lasting_key(part), Instance.KEPT_MS) end
    Ready.place()
    Waiters.wake(Ready.newly_ready())
    Due.tell(ARGV[4])
    Queue.save()
  end
  return {
    opening.open == 1 and 0 or math.max(1, left), opening.instance .. ' ' .. int(opening.since), q.gen or '', opening.from,
    opening.open == 1 and opening.to or -1, opening.open == 1 and sent_again or 0, lost,
  }
end
