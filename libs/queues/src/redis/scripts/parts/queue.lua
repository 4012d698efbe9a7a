-- A queue as its commands see it. All its keys share the tag {queue:NAME}; KEYS[1] is the queue itself:
--   queue      hash   configuration without what is empty, labels, counters, and the secret that signs receipts; all that is left when drained. `unacked`: deliveries
--                     that ended without an ack, less the acks without a delivery, so that nothing need count each delivery
--   w          zset   parked receivers by arrival (parts/waiters.lua)
--   out        list   messages on their way to another queue, in order (parts/outbox.lua)
--   trash      list   generations that wait for removal
--   schedules, schedule:..  zset, hash   see parts/schedule.lua
--   rate       list   what the rate limit counts, with a TTL (parts/rate.lua)
--   redrive:.. string id of a step of a redrive -> how many it moved, with a TTL
--   ended:..   string id of a message -> how it ended, with a TTL (parts/ended.lua)
-- and under the generation, which a purge changes:
--   b:N        hash   seq % 4096 -> record, for the 4,096 messages of bucket N (parts/record.lua)
--   r:P        list   tokens that are ready, by priority P (parts/ready.lua)
--   ranked     zset   what is ready by its age: 'g' .. group, 'm' .. token that came back or has a TTL
--   delayed    zset   token, in 7 bytes that sort as the number does -> due, ms
--   inFlight   zset   token -> end of its visibility timeout, ms: the only record of being in flight
--   expiring   zset   token -> end of its own TTL, ms; not while in flight
--   groups     zset   group and token in lexicographic order: each message of a group until it is gone
--   busy       hash   group -> how many of its messages are in flight
--   tries      hash   token -> deliveries that ended without an ack (parts/tries.lua)
--   history    hash   token -> how the latest ended (parts/attempts.lua)
--   adopted    hash   id of a message from another queue -> its number (parts/identity.lua)
--   progress   hash   token -> how far its receiver is, JSON (parts/progress.lua)
--   results    hash   id of a message that has ended -> what is kept of it (parts/results.lua)
--   resultsEnd zset   the same id -> until when, ms
--   turn, served   hash, zset   whose turn it is (parts/turns.lua)
--   watched    hash   number of a message -> the nodes that wait for its end (parts/ended.lua)
--   d:.., unique, uniqueOf   which messages deduplication ids name (parts/deduplication.lua)
--   attempt:.. string what a receive that may be repeated got, with a TTL (parts/receive-attempt.lua)
--   acked:...  string deliveries that were acked, with a TTL (parts/acked.lua)
--
-- Leaves: q, the fields of the hash that were read: numbers or texts, false for what is empty or not there;
--         Queue: open(fields), get(field), set(field, value), add(field, amount), save(), clear_marks(), make_table() for many calls, key(part) under the generation,
--         lasting_key(part) beside the queue, `waiting`, that of its parked receivers; name(); level(), nothing for 'local', where `durability` was read as a text.
-- @include @redis/integer.lua
local q
-- In `marks`, see parts/marks.lua.
local Queue = { FIRST_OPTION_MARK = 256, FAIR_MARK = 4096 }
-- All that the work on what is due may need. `texts`: so many of the fields, at the front, are texts; the others are numbers.
Queue.ALL = {
  texts = 3, 'gen', 'deadLetterQueue', 'durability', 'seq', 'live', 'bytes', 'sent', 'acked', 'expired', 'dead', 'mask', 'due',
  'low', 'marks', 'sweep', 'sweepAt', 'paused', 'visibilityTimeoutMs', 'maxReceives', 'retentionMs', 'maxLength', 'maxBytes', 'backoffBase',
  'backoffFactor', 'backoffMax', 'rateMax', 'ratePer', 'rateUsed', 'outSeq', 'kept',
}
do
  -- Of what is written, the others are whole numbers. Redis prints a number at twice what it takes to print it here.
  local TEXTS = { gen = true, instance = true, labels = true, remembering = true }
  -- What is to be written: field, value, ..., so many of them; and where the value of a field stands in it, if it does.
  local writes, written, places = {}, 0, {}
  -- The queue of the call before; what its keys begin with, beside it and under its generation; the keys under that.
  local key, gen, base, own, keys
  -- What `q` has beside the fields that it was opened with.
  local others
  each_call(function()
    q, written = nil, 0
    if key ~= KEYS[1] then
      key, gen = KEYS[1], nil
      base = string.sub(key, 1, -6)
      Queue.waiting = base .. 'w'
    end
  end)

  local function is_set(field)
    local place = places[field]
    return place and place <= written and writes[place - 1] == field
  end

  local function read(fields, known)
    local values, texts = redis.call('HMGET', KEYS[1], unpack(fields)), fields.texts
    for i = 1, texts do known[fields[i]] = values[i] end
    for i = texts + 1, #fields do
      local value = values[i]
      known[fields[i]] = value and value ~= '' and value + 0
    end
  end

  -- What is known already may have been changed by this call.
  local function read_more(fields)
    local found = {}
    read(fields, found)
    for field, value in pairs(found) do
      if q[field] == nil then q[field], others[#others + 1] = value, field end
    end
  end

  -- `fields`: as ALL, `gen` first. False when there is no queue.
  function Queue.open(fields)
    if q then
      read_more(fields)
    else
      -- A command opens it with the same fields at each call: their table is kept.
      if not fields.q then fields.q, fields.others = {}, {} end
      q, others = fields.q, fields.others
      for i = #others, 1, -1 do q[others[i]], others[i] = nil, nil end
      read(fields, q)
    end
    if gen ~= q.gen then
      gen = q.gen
      own, keys = base .. (gen or '') .. ':', {}
    end
    return gen
  end

  -- A number that a call needs now and then.
  function Queue.get(field)
    if q[field] == nil then read_more({ texts = 0, field }) end
    return q[field]
  end

  function Queue.set(field, value)
    if q[field] == nil then others[#others + 1] = field end
    q[field] = value
    local place = places[field]
    if not place or place > written or writes[place - 1] ~= field then
      place = written + 2
      writes[place - 1], places[field], written = field, place, place
    end
    writes[place] = value and (TEXTS[field] and value or int(value)) or ''
  end

  function Queue.add(field, amount) return Queue.set(field, (q[field] or Queue.get(field) or 0) + amount) end

  -- Of a part that each queue has; what is one of many is joined to it.
  function Queue.key(part)
    local known = keys[part]
    if not known then
      known = own .. part
      keys[part] = known
    end
    return known
  end

  function Queue.lasting_key(part) return base .. part end

  function Queue.level()
    if q.durability and q.durability ~= '' then return q.durability end
  end

  function Queue.name() return string.sub(base, 17, -3) end

  -- Redis keeps short fields as one list, which takes a third of the memory, and twice the time. So is a queue that never had a
  -- message; a long value makes a table of it, for good.
  function Queue.make_table()
    redis.call('HSET', KEYS[1], 'table', string.rep(' ', 65))
    redis.call('HDEL', KEYS[1], 'table')
  end

  -- There are no messages: those of its options stay.
  function Queue.clear_marks()
    local of_messages = (Queue.get('marks') or 0) % Queue.FIRST_OPTION_MARK
    if of_messages > 0 then Queue.add('marks', -of_messages) end
    if q.marks and bit.band(q.marks, Queue.FAIR_MARK) ~= 0 then redis.call('UNLINK', Queue.key('turn'), Queue.key('served')) end
  end

  -- Writes what was set. A queue without messages keeps nothing but itself.
  function Queue.save()
    if written == 0 then return end
    local is_drained = q.live == 0 and is_set('live')
    if is_drained then Queue.clear_marks() end
    if is_drained and Queue.get('mask') ~= 0 then
      for p = 0, 9 do
        if bit.band(q.mask, bit.lshift(1, p)) ~= 0 then redis.call('UNLINK', Queue.key('r:') .. p) end
      end
      Queue.set('mask', 0)
    end
    redis.call('HSET', KEYS[1], unpack(writes, 1, written))
  end
end
