-- How messages ended, for those who ask: remembered for 5 minutes of what was cancelled and of what a node waits for, and told to
-- the nodes; a queue that keeps results remembers more, and for as long as it is told to. A worker may hold a message through any node, and any may remember its send: all are told of what was cancelled.
-- Leaves: Ended: note(token, record, state, reason or nil, ack or nil as in Results.keep) of one that is gone, the states that the contract has, and 'gone';
--         how(id), JSON or false; watch(token, node): that node is told.
-- @include @redis/clock.lua
-- @include @redis/hint.lua
-- @include parts/deduplication.lua
-- @include parts/identity.lua
-- @include parts/results.lua
local Ended = {}
do
  local REMEMBERED_MS = 300000

  local function key(id) return Queue.lasting_key('ended:' .. id) end

  function Ended.how(id) return redis.call('GET', key(id)) or Results.how(id) end

  function Ended.watch(token, node)
    local watched, seq = Queue.key('watched'), Token.seq(token)
    local nodes = redis.call('HGET', watched, seq) or ' '
    if string.find(nodes, ' ' .. node .. ' ', 1, true) then return end
    Marks.add(Marks.WATCHED)
    redis.call('HSET', watched, seq, nodes .. node .. ' ')
  end

  local function nodes_that_watch(token)
    local watched, seq = Queue.key('watched'), Token.seq(token)
    local nodes = Marks.has(Marks.WATCHED) and redis.call('HGET', watched, seq)
    if nodes then redis.call('HDEL', watched, seq) end
    return nodes
  end

  function Ended.note(token, record, state, reason, ack)
    local own, adopted = Identity.own(token), Identity.forget(token, record)
    local nodes = nodes_that_watch(token)
    local is_kept = (state == 'done' or state == 'cancelled') and Results.are_kept() or nil
    local is_told = nodes or state == 'cancelled'
    local how = (is_told or is_kept) and cjson.encode({ state = state, at = now, reason = reason, kept = is_kept })
    if is_kept then Results.keep(adopted or own, token, record, how, ack) end
    Progress.forget(token)
    Deduplication.forget(token)
    if not is_told then return end
    -- Receipts lead to the number that it had here, callers name its id.
    local ids = { own, adopted or nil }
    for _, id in ipairs(ids) do redis.call('SET', key(id), how, 'PX', REMEMBERED_MS) end
    local data = cjson.encode({ queue = Queue.name(), ids = ids, how = how })
    if state == 'cancelled' then return hint('queue', 'queue.ended', nil, data) end
    for node in string.gmatch(nodes, '%S+') do hint('queue', 'queue.ended', node, data) end
  end
end
