-- Schedules of a queue. They stand beside it, so that a purge leaves them:
--   schedules     zset   id of a schedule -> its next occurrence, ms; 'inf' when it has none, or is paused
--   schedule:ID   hash   `name`; `rule`, JSON, read by the nodes, which find the occurrences; `tail`, the record of a message without its time; `revision`,
--                        one more at each change that is no occurrence; `paused` 1; `sent`, messages of occurrences; `last`, the latest of them, packed
-- Leaves: Schedule: key(id); next_of(id), nil where there is none; next_due(), ms or nil; tell(node, at), of a next occurrence, '' for the caller:
--         returns in how many ms, -1 for never; room(tail, count), which limit forbids so many messages, or nil; append(id, at, tail, delay,
--         message id or nil), an occurrence is sent, returns the id of its message, written by write(id).
-- @include @redis/clock.lua
-- @include @redis/hint.lua
-- @include @redis/integer.lua
-- @include parts/append.lua
-- @include parts/identity.lua
-- @include parts/queue.lua
-- @include parts/record.lua
local Schedule = {}
do
  local SHOWN = 5
  -- Bytes of a record beside that: its time, and the id that it is given.
  local SENT_WITH = 70
  local last
  each_call(function() last = nil end)

  function Schedule.key(id) return Queue.lasting_key('schedule:' .. id) end

  function Schedule.next_of(id) return redis.call('ZSCORE', Queue.lasting_key('schedules'), id) end

  function Schedule.next_due()
    local first = redis.call('ZRANGE', Queue.lasting_key('schedules'), '-inf', '(+inf', 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')
    return tonumber(first[2])
  end

  function Schedule.tell(node, at)
    if at == 'inf' then return -1 end
    local in_ms = math.max(0, at - now)
    if node ~= '' then hint('queue', 'queue.due', node, cjson.encode({ queue = Queue.name(), inMs = in_ms })) end
    return in_ms
  end

  function Schedule.room(tail, count)
    if q.maxLength and q.live + count > q.maxLength then return 'maxLength' end
    if q.maxBytes and q.bytes + count * (#tail + SENT_WITH) > q.maxBytes then return 'maxBytes' end
  end

  function Schedule.append(id, at, tail, delay, message)
    if message then tail = Record.with_extra(tail, cjson.encode({ id = message, deadLetter = cjson.null })) end
    local seq = Append.add(tail, delay)
    if message then Identity.adopt(seq, message) end
    message = message or q.gen .. '-' .. int(seq)
    last = last or cmsgpack.unpack(redis.call('HGET', Schedule.key(id), 'last') or cmsgpack.pack({}))
    table.insert(last, 1, { at, message })
    last[SHOWN + 1] = nil
    return message
  end

  function Schedule.write(id)
    redis.call('HSET', Schedule.key(id), 'last', cmsgpack.pack(last))
    Queue.set('sent', q.sent + Append.added())
    Append.write()
  end
end
