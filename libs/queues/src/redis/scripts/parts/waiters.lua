-- Parked receivers stand in `w` by arrival as 'NODE#ID'. A call that makes messages receivable takes as many of them out and tells
-- their nodes; those whose node does not listen are passed over, and so are those of nodes that have left, when the owner of the queue
-- finds out. The wake-ups of each node are numbered, so that it finds out that a hint was lost: not on a Redis Cluster, where
-- the number would lie in another slot.
-- Leaves: Waiters: park(waiter, arrival), returns the arrival, which is now when there was none; remove(waiter), 1 or 0 when it was woken
--         before; any(); first(count); wake(count), and those that may come for what has left in this call; wake_for_all() that waits;
--         dismiss(), all of them; pass_over(members), those of nodes that are none.
-- @include @redis/clock.lua
-- @include @redis/hint.lua
-- @include @redis/integer.lua
-- @include parts/flight.lua
-- @include parts/queue.lua
-- @include parts/ready.lua
local Waiters = {}
do
  local MOST_AT_ONCE = 256

  function Waiters.park(waiter, arrival)
    if arrival == '' then arrival = int(micros) end
    redis.call('ZADD', Queue.waiting, arrival, waiter)
    return arrival
  end

  function Waiters.any() return redis.call('ZCARD', Queue.waiting) > 0 end

  function Waiters.remove(waiter) return redis.call('ZREM', Queue.waiting, waiter) end

  function Waiters.first(count) return redis.call('ZRANGE', Queue.waiting, '0', count - 1) end

  -- Returns whether the node listens.
  local function tell(node, ids)
    local number
    if not ON_CLUSTER then
      number = redis.call('INCR', string.match(Queue.waiting, '^(.-)syncline:') .. 'syncline:{queues}:wakeUps:' .. node)
    end
    local data = cjson.encode({ queue = Queue.name(), ids = ids, number = number })
    return hint('queue', 'queue.wake', node, data) > 0 or ON_CLUSTER
  end

  -- Takes waiters out and tells their nodes. Returns how many were told.
  local function wake_these(waiters)
    redis.call('ZREM', Queue.waiting, unpack(waiters))
    local ids_of, told = {}, 0
    for _, waiter in ipairs(waiters) do
      local node, id = string.match(waiter, '^(.-)#(.*)$')
      local ids = ids_of[node] or {}
      ids[#ids + 1] = id
      ids_of[node] = ids
    end
    for node, ids in pairs(ids_of) do
      if tell(node, ids) then told = told + #ids end
    end
    return told
  end

  local function wake_first(count)
    while count > 0 do
      local waiters = Waiters.first(math.min(count, MOST_AT_ONCE))
      if #waiters == 0 then return end
      count = count - wake_these(waiters)
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

  -- One that is alive all the same is told, and comes back. What the others were woken for is there for those behind them.
  function Waiters.pass_over(members)
    local is_member, gone = {}, {}
    for _, node in ipairs(members) do is_member[node] = true end
    for _, waiter in ipairs(redis.call('ZRANGE', Queue.waiting, 0, -1)) do
      if not is_member[string.match(waiter, '^(.-)#')] then gone[#gone + 1] = waiter end
    end
    for from = 1, #gone, MOST_AT_ONCE do
      wake_these({ unpack(gone, from, math.min(from + MOST_AT_ONCE - 1, #gone)) })
    end
    Waiters.wake_for_all()
  end
end
