-- Parked receivers stand in `w` by arrival as 'NODE#ID'. Each node says twice a second that its own still wait: `nodes` has, by the
-- clock of silence, for how long that holds, and under '' the pulse of that clock. A call that makes messages receivable takes as
-- many waiters out and tells their nodes; waiters of a node that was silent for too long are passed over.
-- Leaves: Waiters: park(waiter, arrival, lease), returns the arrival, which is now when there was none; renew(prefix, node, lease)
--         for the queue whose keys begin with that prefix; remove(waiter), 1 or 0 when it was woken before; any(); first(count); wake(count), and those that may come
--         for what has left in this call; wake_for_all() that waits; dismiss(), all of them.
-- @include @redis/hint.lua
-- @include @redis/silence.lua
-- @include parts/flight.lua
-- @include parts/queue.lua
-- @include parts/ready.lua
local Waiters = {}
do
  -- What a dead node left behind goes by itself.
  local KEPT_MS = 30000
  -- A word that was given so lately need not be given again.
  local LATELY_MS = 250
  local MOST_AT_ONCE = 256

  function Waiters.renew(prefix, node, lease)
    local pulse, ends = unpack(redis.call('HMGET', prefix .. 'nodes', '', node))
    local clock = Silence.clock(pulse)
    if ends and ends - clock > lease - LATELY_MS then return end
    redis.call('HSET', prefix .. 'nodes', node, clock + lease, '', Silence.pulse(pulse))
    redis.call('PEXPIRE', prefix .. 'nodes', KEPT_MS)
    redis.call('PEXPIRE', prefix .. 'w', KEPT_MS)
  end

  function Waiters.park(waiter, arrival, lease)
    if arrival == '' then arrival = int(micros) end
    redis.call('ZADD', Queue.waiting, arrival, waiter)
    Waiters.renew(Queue.lasting_key(''), string.match(waiter, '^(.-)#'), lease)
    return arrival
  end

  function Waiters.any() return redis.call('ZCARD', Queue.waiting) > 0 end

  -- Nobody waits: nothing stays.
  local function forget_nodes()
    if not Waiters.any() then redis.call('DEL', Queue.lasting_key('nodes')) end
  end

  function Waiters.remove(waiter)
    local removed = redis.call('ZREM', Queue.waiting, waiter)
    forget_nodes()
    return removed
  end

  function Waiters.first(count) return redis.call('ZRANGE', Queue.waiting, '0', count - 1) end

  local function wake_first(count)
    local clock = Silence.clock(redis.call('HGET', Queue.lasting_key('nodes'), ''))
    local ends_of, ids_of, woken = {}, {}, 0
    while woken < count do
      local waiters = Waiters.first(math.min(count - woken, MOST_AT_ONCE))
      if #waiters == 0 then break end
      redis.call('ZREM', Queue.waiting, unpack(waiters))
      for _, waiter in ipairs(waiters) do
        local node, id = string.match(waiter, '^(.-)#(.*)$')
        ends_of[node] = ends_of[node] or tonumber(redis.call('HGET', Queue.lasting_key('nodes'), node)) or 0
        if ends_of[node] > clock then
          local ids = ids_of[node] or {}
          ids[#ids + 1] = id
          ids_of[node] = ids
          woken = woken + 1
        end
      end
    end
    forget_nodes()
    for node, ids in pairs(ids_of) do
      hint('queue', 'queue.wake', node, cjson.encode({ queue = Queue.name(), ids = ids }))
    end
  end
  function Waiters.wake(count)
    local freed = Flight.freed()
    if freed > 0 then
      Flight.forget()
      if freed > count and Ready.any() then count = freed end
    end
    if count <= 0 or not Waiters.any() or Queue.get('paused') == 1 then return end
    wake_first(math.min(count, Flight.room()))
  end

  function Waiters.wake_for_all()
    Waiters.wake(q.live - redis.call('ZCARD', Queue.key('inFlight')) - redis.call('ZCARD', Queue.key('delayed')))
  end

  function Waiters.dismiss() wake_first(math.huge) end
end
