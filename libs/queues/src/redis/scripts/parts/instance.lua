-- The Redis instance that a queue is in. What was sent in an earlier one may be lost, so a new one takes no messages in, and hands
-- none out, until the nodes have told what they know of the queue (restore.lua): no id is given twice, what is sent again keeps its
-- order, and what had ended is not delivered.
-- `instance` of the queue names the one that is open. Beside the queue, for a minute:
--   opening   hash   `instance` that opens, `since` when, ms; `open` 1 once it is, and then `to`, the first seq given in it; `gen`;
--                    what its data had: `from`, the first seq that it lacks, `live` and `gone` messages;
--                    what nodes know: all ids are below `seen`, those below `unheld` no node holds, `ended` are gone; `lost` of them
--   again, over      zset   seq -> seq: messages that were sent again; those of the others that nodes know to be gone
--   expected, told   see @redis/opening.lua
-- Leaves: Instance: check() where `instance` was read as a text, and check_absent(may_be_lost) of a queue that is not there: an error
--         that begins with OPENING where the nodes are to tell first; name(), after that;
--         opening(), the hash, nil when there is nothing to tell; restart(opening), its part about the data
-- Invariant: nothing is appended to a queue or taken from it in an instance that is not open.
-- @include @redis/hint.lua
-- @include @redis/opening.lua
-- @include parts/queue.lua
local Instance = { KEPT_MS = 60000 }
do
  local YOUNG_MS = 10000
  local OPENING = 'OPENING nothing is sent or received until the nodes have told what they know of the queue'
  local FIELDS = { 'instance', 'since', 'open', 'to', 'gen', 'from', 'live', 'gone', 'seen', 'unheld', 'ended', 'lost' }
  -- This instance, as it was found last, and since when this library is at work in it. A restart, a failover and a full sync
  -- lose both; after a partial sync the queue tells of another one.
  local here, awake_since

  local function find_out()
    local id = Opening.instance()
    here = string.sub(id, 1, 16) .. ' ' .. string.sub(id, 42, 57)
    awake_since = awake_since or now
  end

  local function read()
    local key = Queue.lasting_key('opening')
    local values = redis.call('HMGET', key, unpack(FIELDS))
    if values[1] ~= here then return nil end
    local opening = { key = key }
    for i, field in ipairs(FIELDS) do opening[field] = tonumber(values[i]) or values[i] end
    opening.gen = values[5]
    return opening
  end

  function Instance.restart(opening)
    redis.call('UNLINK', Queue.lasting_key('again'), Queue.lasting_key('over'))
    opening.gen, opening.from, opening.live = q.gen or '', q.seq or 0, q.live or 0
    opening.gone, opening.seen, opening.unheld, opening.lost = opening.from - opening.live, opening.from, 0, 0
    opening.ended = opening.gone
  end

  local function begin()
    local opening = { key = Queue.lasting_key('opening'), instance = here, since = now, open = 0 }
    redis.call('DEL', opening.key)
    redis.call('HSET', opening.key, 'instance', here, 'since', now, 'open', 0)
    redis.call('PEXPIRE', opening.key, Instance.KEPT_MS)
    Opening.forget(Queue.lasting_key(''))
    hint('queue', 'queue.opening', nil, cjson.encode({ queue = Queue.name() }))
    return opening
  end

  -- The opening of this instance, while it is not over.
  local function current()
    local opening = read()
    return opening and opening.open ~= 1 and opening or begin()
  end

  function Instance.name() return here end

  function Instance.check()
    if q.instance == here then return end
    find_out()
    if q.instance == here then return end
    current()
    error({ err = OPENING })
  end

  function Instance.check_absent(may_be_lost)
    find_out()
    if not may_be_lost or now - awake_since >= YOUNG_MS then return end
    local opening = read() or begin()
    if opening.open ~= 1 then error({ err = OPENING }) end
  end

  function Instance.opening()
    find_out()
    local opening = read()
    if q.gen and q.instance == here then return opening and opening.gen == q.gen and opening or nil end
    if q.gen then
      opening = current()
    elseif not opening then
      -- It was removed, unless it was lost with the instance before.
      if now - awake_since >= YOUNG_MS then return nil end
      opening = begin()
    end
    if opening.gen ~= (q.gen or '') then Instance.restart(opening) end
    return opening
  end
end
