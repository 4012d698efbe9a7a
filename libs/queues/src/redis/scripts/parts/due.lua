-- `due` is never later than the next thing that the queue has to do by itself. A call that makes it earlier tells the
-- node that runs the queue's timers.
-- Leaves: Due: announce(at), ms; known(at), nil for never; tell(node) at the end of a call, '' for the caller: returns in how
--         many ms, -1 when nothing became earlier.
-- @include @redis/clock.lua
-- @include @redis/hint.lua
-- @include parts/queue.lua
local Due = {}
do
  -- How late the timers may be before somebody else reminds them.
  local LATE_MS = 1000
  local announced
  each_call(function() announced = -1 end)

  function Due.announce(at)
    local due = q.due
    if due == nil then due = Queue.get('due') end
    if due and at >= due and due >= now - LATE_MS then return end
    if due and due < now and at > now then at = now end
    Queue.set('due', at)
    announced = math.max(0, at - now)
  end

  -- All was looked through: this is when the next thing is due, nil for never. Nobody is told; the caller knows.
  function Due.known(at)
    Queue.set('due', at)
    announced = -1
  end

  function Due.tell(node)
    if announced >= 0 and node ~= '' then
      hint('queue', 'queue.due', node, cjson.encode({ queue = Queue.name(), inMs = announced }))
    end
    return announced
  end
end
