-- In a queue whose ordering is `fair` those who send are served in turns, one message each: start-time fair queueing. A *flow* is a group,
-- or all messages without one. What a flow offers stands in `ranked` with the number of its turn in place of the number of a message:
-- the turn after its last one, or the one that is served now, when that is later. So a flow that was idle comes next, and has saved nothing up.
-- Each priority has turns of its own.
--   turn       hash   priority -> the turn that is served
--   served     zset   flow, behind its priority -> rank of its next turn; what is not later than the one that is served means nothing
--   fairFrom   in the queue: the first turn. What was there before has ranks by its age, and those are less
-- Leaves: Turns: are_taken(); GROUP, before the name of a group as a flow, PLAIN, the other flow; next(p, flow), rank of its next turn;
--         reserve(p, flow), which takes it; serve(rank, flow), it was served in that turn; is_of(rank, p); restart(), as the queue begins to take them, or ends.
-- @include @redis/integer.lua
-- @include parts/marks.lua
local Turns = { GROUP = 'g', PLAIN = '' }
do
  local PER_RANK = 2 ^ 49
  -- Each turn adds one entry to `served` and takes away so many that mean nothing.
  local PRUNED = 2

  function Turns.are_taken() return Marks.has(Marks.FAIR) end

  local function base_of(p) return (9 - p) * PER_RANK end

  local function turn_of(p) return tonumber(redis.call('HGET', Queue.key('turn'), p)) or Queue.get('fairFrom') or 0 end

  function Turns.is_of(rank, p) return rank >= base_of(p) and rank < base_of(p) + PER_RANK end

  function Turns.next(p, flow)
    return math.max(base_of(p) + turn_of(p), tonumber(redis.call('ZSCORE', Queue.key('served'), p .. flow)) or 0)
  end

  function Turns.reserve(p, flow)
    local rank = Turns.next(p, flow)
    redis.call('ZADD', Queue.key('served'), int(rank + 1), p .. flow)
    return rank
  end

  function Turns.serve(rank, flow)
    local turn, served = rank % PER_RANK, Queue.key('served')
    local p = 9 - (rank - turn) / PER_RANK
    local before = turn_of(p)
    if turn > before then redis.call('HSET', Queue.key('turn'), p, int(turn)) end
    redis.call('ZADD', served, 'GT', int(rank + 1), p .. flow)
    local over = redis.call('ZRANGE', served, int(base_of(p)), int(base_of(p) + math.max(turn, before)), 'BYSCORE', 'LIMIT', 0, PRUNED)
    if #over > 0 then redis.call('ZREM', served, unpack(over)) end
  end

  function Turns.restart()
    redis.call('UNLINK', Queue.key('turn'), Queue.key('served'))
    Queue.set('fairFrom', Queue.get('seq'))
  end
end
