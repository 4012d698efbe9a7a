-- Which message an id names: the generation and number that it had where it was sent first. One that came from another queue
-- keeps its id, and `adopted` has its number here, by which receipts name it.
-- Leaves: Identity: own(token), the id of one that was sent here; of(token, record); find(id), returns token and record, nil when it
--         is not here; adopt(seq, id); forget(token, record), returns the id of one that was adopted.
-- @include @redis/integer.lua
-- @include parts/marks.lua
-- @include parts/record.lua
local Identity = {}
do
  local function adopted_id(record)
    local extra = Record.extra(record)
    return extra and extra.id
  end

  function Identity.own(token) return q.gen .. '-' .. int(Token.seq(token)) end

  function Identity.of(token, record) return adopted_id(record) or Identity.own(token) end

  local function stored(seq)
    local record = redis.call('HGET', Record.bucket(seq), Record.field(seq))
    if record then return Token.of(seq, Record.flags(record)), record end
  end

  function Identity.find(id)
    local gen, seq = string.match(id, '^(%d+)%-(%d+)$')
    if gen == q.gen and #seq < 16 then
      local token, record = stored(tonumber(seq))
      if token then return token, record end
    end
    local number = Marks.has(Marks.ADOPTED) and redis.call('HGET', Queue.key('adopted'), id)
    if number then return stored(tonumber(number)) end
  end

  function Identity.adopt(seq, id)
    Marks.add(Marks.ADOPTED)
    redis.call('HSET', Queue.key('adopted'), id, int(seq))
  end

  function Identity.forget(token, record)
    local id = Marks.has(Marks.ADOPTED) and adopted_id(record)
    if id then redis.call('HDEL', Queue.key('adopted'), id) end
    return id
  end
end
