-- Messages on their way to another queue. Their numbers only grow, also over a deletion of the queue: by them the other side
-- knows what it has already.
-- Leaves: Outbox: post(token, record, to, reason, attempts), the caller forgets the message; length(); RETRY_MS.
-- @include @redis/clock.lua
-- @include parts/attempts.lua
-- @include parts/due.lua
-- @include parts/identity.lua
local Outbox = {}
-- What could not be brought away is tried again after this time.
Outbox.RETRY_MS = 1000

function Outbox.post(token, record, to, reason, attempts)
  local number = math.max((q.outSeq or 0) + 1, micros)
  Queue.set('outSeq', number)
  redis.call(
    'RPUSH', Queue.lasting_key('out'), cmsgpack.pack(number, to, Identity.own(token), attempts, reason, Attempts.of(token), now, record)
  )
  Due.announce(now)
end

function Outbox.length() return redis.call('LLEN', Queue.lasting_key('out')) end
