-- A round: writes of a register that wait until all of its sharers have dropped it.
--   <scope>:q:<register>        list  the writes that joined: the round will do them after the first, which stands here when it is
--                                     large, else with the register
--   <shared>:<instance>:rounds  zset  'stem register' -> start of its round
-- Leaves: Round.open(), the key of those that run; Round.begin(register, sharers, write), its number, which no other has
--         Round.join(register, write): { id, node, op, is_remembered }, without an id nobody waits for it; is_remembered: it may
--         have been done before
--         Round.release(register, incarnation, round): the incarnation holds it no more; Round.finish(register, round): if it
--         still runs, whoever holds it
--         Round.waits_for(register), the sharers that must still acknowledge, as Register.look returns them
--         Round.skip(register, sharers, is_known), before an operation that waits for nobody: its sharers may be told later
-- Invariant: the operations of a round are done when its last sharer is released, or is fenced, and not before.
-- @include parts/invalidation.lua
-- @include parts/operation.lua
-- @include parts/outcome.lua
local Round = {}
-- Each acknowledgement reads so much.
local SMALL_BYTES = 2048

function Round.open()
  return Instance.nodes .. ':rounds'
end

local function queue_of(register)
  return Cache.scope .. ':q:' .. register
end

function Round.begin(register, sharers, write)
  local open, wide = Round.open(), Register.wide_rounds()
  local round = int(HybridClock.next(Instance.clock(), 0, Instance.clock_text))
  local at = Register.key(register)
  local first = cmsgpack.pack(write)
  local is_small = #first <= SMALL_BYTES
  redis.call('HSET', at, 'round', round, 'missing', #sharers, 'n' .. sharers[1][1], 1,
    unpack(is_small and { 'first', first } or {}))
  if not is_small then Round.join(register, write) end
  redis.call('ZADD', open, now, Cache.stem .. ' ' .. register)
  if Register.is_wide(register) then
    redis.call('SADD', wide, register)
    redis.call('PEXPIRE', wide, Register.SHARERS_TTL_MS)
  end
  for i = 1, #sharers do
    if i > 1 then redis.call('HSET', at, 'n' .. sharers[i][1], 1) end
    Invalidation.send(sharers[i], register, round)
  end
  redis.call('PEXPIRE', at, Register.SHARERS_TTL_MS)
  redis.call('PEXPIRE', open, Register.SHARERS_TTL_MS)
  return round
end

-- A write joins the round that runs, and one invalidation serves all its writers.
function Round.join(register, write)
  local queue = queue_of(register)
  if redis.call('RPUSH', queue, cmsgpack.pack(write)) == 1 then redis.call('PEXPIRE', queue, Register.SHARERS_TTL_MS) end
  redis.call('HSET', Register.key(register), 'joined', 1)
end

function Round.skip(register, sharers, is_known)
  if is_known then redis.call('DEL', Register.key(register)) end
  for i = 1, #sharers do Invalidation.send(sharers[i], register, '0') end
end

local function commit(register, first, joined)
  local writes = (joined or not first) and redis.call('LRANGE', queue_of(register), 0, -1) or {}
  if first then table.insert(writes, 1, first) end
  redis.call('DEL', Register.key(register), queue_of(register))
  redis.call('ZREM', Round.open(), Cache.stem .. ' ' .. register)
  if Register.is_wide(register) then redis.call('SREM', Register.wide_rounds(), register) end
  local key = string.sub(register, 1, 1) == 'k' and string.sub(register, 2)
  if key then FillLease.note(key, Cache.enter(Cache.stem, FillLease.key(key))) else Cache.enter(Cache.stem) end
  for i = 1, #writes do
    local write = cmsgpack.unpack(writes[i])
    local outcome = write.is_remembered and Outcome.find(write.id)
    if not outcome then
      outcome = Operation.perform(write.op)
      if write.id then Outcome.keep(write.id, outcome) end
    end
    if write.id then
      hint('cache', 'cache.settled', write.node, cjson.encode({ stem = Cache.stem, id = write.id, outcome = outcome }))
    end
  end
end

function Round.release(register, incarnation, round)
  local at, own = Register.key(register), 'n' .. incarnation
  local f = redis.call('HMGET', at, 'round', own, 'missing', 'first', 'joined')
  if f[1] ~= round or not f[2] then return end
  if f[3] == '1' then return commit(register, f[4], f[5]) end
  redis.call('HDEL', at, own)
  redis.call('HINCRBY', at, 'missing', -1)
end

function Round.finish(register, round)
  local f = redis.call('HMGET', Register.key(register), 'round', 'first', 'joined')
  if f[1] == round then commit(register, f[2], f[3]) end
end

function Round.waits_for(register)
  local names = Register.named(redis.call('HGETALL', Register.key(register)), 'n')
  local renewals, sharers = Alive.renewals(names), {}
  for i = 1, #names do sharers[i] = { names[i], renewals[i] or '' } end
  return sharers
end
