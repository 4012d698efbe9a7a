-- Which message a deduplication id names: for a time after it was sent, or until it has ended.
--   d:HASH     string id of the message, with a TTL
--   unique     hash   HASH -> id of the message that has not ended
--   uniqueOf   hash   number of that message -> HASH
-- Leaves: Deduplication: read(text), 'HASH' or 'HASH WINDOW FLAGS' (1: this message replaces one that waits, 2: until it has ended), as
--         {hash, window in ms or nil for the queue's, replaces, until_ended}; find(hash), the id that it names; remember(read, id, seq);
--         forget(token), it has ended.
-- @include parts/identity.lua
local Deduplication = {}
do
  function Deduplication.read(text)
    local hash, window, flags = string.match(text, '^(%S+) (%d*) (%d)$')
    if not hash then return { hash = text } end
    return { hash = hash, window = tonumber(window), replaces = flags % 2 == 1, until_ended = flags + 0 >= 2 }
  end

  local function window_key(hash) return Queue.key('d:') .. hash end

  function Deduplication.find(hash)
    return redis.call('GET', window_key(hash)) or Marks.has(Marks.UNIQUE) and redis.call('HGET', Queue.key('unique'), hash)
  end

  function Deduplication.remember(given, id, seq)
    local hash = given.hash
    if given.until_ended then
      Marks.add(Marks.UNIQUE)
      redis.call('HSET', Queue.key('unique'), hash, id)
      redis.call('HSET', Queue.key('uniqueOf'), int(seq), hash)
      redis.call('DEL', window_key(hash))
    else
      redis.call('SET', window_key(hash), id, 'PX', given.window or Queue.get('deduplicationWindowMs'))
      if Marks.has(Marks.UNIQUE) then redis.call('HDEL', Queue.key('unique'), hash) end
    end
  end

  function Deduplication.forget(token)
    local seq = Marks.has(Marks.UNIQUE) and Token.seq(token)
    local hash = seq and redis.call('HGET', Queue.key('uniqueOf'), seq)
    if not hash then return end
    redis.call('HDEL', Queue.key('uniqueOf'), seq)
    if redis.call('HGET', Queue.key('unique'), hash) == Identity.own(token) then redis.call('HDEL', Queue.key('unique'), hash) end
  end
end
