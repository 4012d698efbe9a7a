-- A round: writes of a register that wait until all of its sharers have dropped it.
--   <scope>:q:<register>        list  the operations that the round will do
--   <shared>:<instance>:round   text  number of the last round
--   <shared>:<instance>:rounds  zset  'stem register' -> start of its round
-- Leaves: Round.open(), the key of those that run; Round.begin(register, sharers), its number, before a first write joins it
--         Round.join(register, write): { id, node, op }, without an id nobody waits for it
--         Round.release(register, incarnation, round): the incarnation holds it no more; Round.commit(register)
--         Round.waits_for(register), the sharers that must still acknowledge, as Register.look returns them
--         Round.skip(register, sharers, is_known), before an operation that waits for nobody: its sharers may be told later
-- Invariant: the operations of a round are done when its last sharer is released, or is fenced, and not before.
-- @include parts/invalidation.lua
-- @include parts/operation.lua
-- @include parts/outcome.lua
local Round = {}

function Round.open()
  return Instance.nodes .. ':rounds'
end

local function queue_of(register)
  return Cache.scope .. ':q:' .. register
end

function Round.begin(register, sharers)
  local last, open, wide = Instance.nodes .. ':round', Round.open(), Register.wide_rounds()
  local round = int(redis.call('INCR', last))
  local at = Register.key(register)
  redis.call('HSET', at, 'round', round, 'missing', #sharers, 'n' .. sharers[1][1], 1)
  redis.call('ZADD', open, now, Cache.stem .. ' ' .. register)
  if Register.is_wide(register) then
    redis.call('SADD', wide, register)
    redis.call('PEXPIRE', wide, Register.SHARERS_TTL_MS)
  end
  for i = 1, #sharers do
    if i > 1 then redis.call('HSET', at, 'n' .. sharers[i][1], 1) end
    Invalidation.send(sharers[i][1], register, round)
  end
  redis.call('PEXPIRE', last, Register.SHARERS_TTL_MS)
  redis.call('PEXPIRE', open, Register.SHARERS_TTL_MS)
  return round
end

-- A write joins the round that runs, and one invalidation serves all its writers.
function Round.join(register, write)
  redis.call('RPUSH', queue_of(register), cmsgpack.pack(write))
  redis.call('PEXPIRE', queue_of(register), Register.SHARERS_TTL_MS)
  redis.call('PEXPIRE', Register.key(register), Register.SHARERS_TTL_MS)
end

function Round.skip(register, sharers, is_known)
  if is_known then redis.call('DEL', Register.key(register)) end
  for i = 1, #sharers do Invalidation.send(sharers[i][1], register, '0') end
end

function Round.commit(register)
  local queue = redis.call('LRANGE', queue_of(register), 0, -1)
  redis.call('DEL', Register.key(register), queue_of(register))
  redis.call('ZREM', Round.open(), Cache.stem .. ' ' .. register)
  if Register.is_wide(register) then redis.call('SREM', Register.wide_rounds(), register) end
  Cache.enter(Cache.stem)
  for i = 1, #queue do
    local write = cmsgpack.unpack(queue[i])
    local outcome = write.id and Outcome.find(write.id)
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
  local f = redis.call('HMGET', at, 'round', own, 'missing')
  if f[1] ~= round or not f[2] then return end
  if f[3] == '1' then return Round.commit(register) end
  redis.call('HDEL', at, own)
  redis.call('HINCRBY', at, 'missing', -1)
end

function Round.waits_for(register)
  local names = Register.named(redis.call('HGETALL', Register.key(register)), 'n')
  local renewals, sharers = Alive.renewals(names), {}
  for i = 1, #names do sharers[i] = { names[i], renewals[i] or '' } end
  return sharers
end
