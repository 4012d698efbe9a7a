-- Messages on their way to another queue. Their numbers only grow, also over a deletion of the queue: by them the other side
-- knows what it has already.
-- Leaves: Outbox: post(token, record, to, reason, attempts), the caller forgets the message; send(targets, tails), of new messages: JSON,
--         [[queue, delay in ms, deduplication (parts/deduplication.lua) or ''], ...], and their records without the time, each behind its length
--         of 3 bytes; length(); RETRY_MS.
-- @include @redis/clock.lua
-- @include parts/attempts.lua
-- @include parts/due.lua
-- @include parts/identity.lua
local Outbox = {}
-- What could not be brought away is tried again after this time.
Outbox.RETRY_MS = 1000

local function push(to, ...)
  local number = math.max((Queue.get('outSeq') or 0) + 1, micros)
  Queue.set('outSeq', number)
  redis.call('RPUSH', Queue.lasting_key('out'), cmsgpack.pack(number, to, ...))
  Due.announce(now)
end

function Outbox.post(token, record, to, reason, attempts)
  push(to, Identity.own(token), attempts, reason, Attempts.of(token), now, record)
end

function Outbox.send(targets, tails)
  local from, tail = 1, nil
  for _, target in ipairs(cjson.decode(targets)) do
    local to, delay, deduplication = unpack(target)
    tail, from = struct.unpack('>I3c0', tails, from)
    push(to, '', 0, 'send', '', now, struct.pack('>I6', now) .. tail, delay, deduplication)
  end
end

function Outbox.length() return redis.call('LLEN', Queue.lasting_key('out')) end
