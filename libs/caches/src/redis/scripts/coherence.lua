-- Who may hold which entry in its near cache, and how a write makes sure that nobody serves what it replaces.
-- A register is what a write changes as one: 'k' .. key, 't' .. tag, 'p' .. prefix, or '*' (flush, drop, configuration).
-- Of a cache, below <stem>:<life>, so that what was agreed in another life of Redis has no say in this one:
--   :c:<register>   hash  s<incarnation> -> largest fill number by which it may hold the register (a superset);
--                         while a round runs: round, missing, and n<incarnation> for each that must still acknowledge
--   :c:@            hash  the same for the cache as a whole: who is asked about '*' and prefixes
--   :wide           set   registers with a round whose sharers are those of the whole cache
--   :q:<register>   list  the operations that the round will do
--   :r:<write id>   text  result of a write, for a minute
-- Of all caches together, below <shared>:<life>:
--   :alive          hash  incarnation -> its renewals, how many and when the last was
--   :i:<incarnation>  list  'round stem register': invalidations that it has not acknowledged, numbered without gaps
--   :acked          hash  incarnation -> number of the last invalidation that it acknowledged
--   :round          text  number of the last round
--   :rounds         zset  'stem register' -> start of its round
-- Keys that no write may ever touch again expire by themselves, long after every near cache gave up its copy
-- (coherence.rules.ts); only clean-up depends on that clock. Without a life there are no near caches.
-- @include operations.lua
local nodes = shared .. ':' .. (LIFE or '')
local alive_key = nodes .. ':alive'
local SHARERS_TTL_MS = 43200000
local ALIVE_TTL_MS = 21600000
-- A near cache holds that there is no entry for a few seconds only (coherence.rules.ts), and few of these at a time, so
-- little is kept for those who ask for what is not there.
local ABSENT_TTL_MS = 60000
local RESULT_TTL_MS = 60000
local MAX_UNACKNOWLEDGED = 10000
-- Lua hands so many values to a command at a time.
local AT_A_TIME = 4000

local function scope()
  return stem .. ':' .. (LIFE or '')
end

local function c_key(register)
  return scope() .. ':c:' .. register
end

local function is_wide(register)
  return register == '*' or string.sub(register, 1, 1) == 'p'
end

local function node_of(incarnation)
  return string.match(incarnation, '^(.*)#')
end

-- The renewals of each of some incarnations; false for one that is not alive.
local function renewals_of(names)
  local all = {}
  for from = 1, #names, AT_A_TIME do
    local to = math.min(from + AT_A_TIME - 1, #names)
    for _, renewals in ipairs(redis.call('HMGET', alive_key, unpack(names, from, to))) do all[#all + 1] = renewals end
  end
  return all
end

-- The incarnations that fields with a letter before the name stand for.
local function named(at, letter)
  local names, values = {}, {}
  local fields = redis.call('HGETALL', at)
  for i = 1, #fields, 2 do
    if string.sub(fields[i], 1, 1) == letter and string.find(fields[i], '#', 1, true) then
      names[#names + 1] = string.sub(fields[i], 2)
      values[#values + 1] = fields[i + 1]
    end
  end
  return names, values
end

-- The living incarnations that may hold the register, with their renewals. The writer is none of them when all
-- that it may hold came by a fill that it has given up on before it sent the write.
local function sharers_of(register, writer, given_up)
  local found = {}
  if not LIFE then return found end
  local names, fills = named(c_key(is_wide(register) and '@' or register), 's')
  local renewals = renewals_of(names)
  for i, name in ipairs(names) do
    local excused = name == writer and tonumber(fills[i]) <= given_up
    if renewals[i] and not excused then found[#found + 1] = { name, renewals[i] } end
  end
  return found
end

-- Forgets sharers that are not alive when they are most of those that are known: a few steps for each that came.
local function forget_former_sharers(at)
  if redis.call('HLEN', at) <= 2 * redis.call('HLEN', alive_key) + 16 then return end
  local names = named(at, 's')
  local renewals = renewals_of(names)
  for i, name in ipairs(names) do
    if not renewals[i] then redis.call('HDEL', at, 's' .. name) end
  end
end

-- Puts an incarnation among the sharers of a register. False: Redis is full and cannot remember it.
local function share(register, incarnation, fill, ttl)
  local at, field = c_key(register), 's' .. incarnation
  local known = redis.call('HGET', at, field)
  -- Fills may arrive out of order: the largest number is the one that counts.
  if not known or tonumber(known) < tonumber(fill) then
    local put = redis.pcall('HSET', at, field, fill)
    if type(put) == 'table' and put.err then return false end
    if not known then forget_former_sharers(at) end
  end
  if redis.call('PTTL', at) < ttl then redis.call('PEXPIRE', at, ttl) end
  return true
end

-- Asks an incarnation to drop a register and to say so.
local function invalidate(incarnation, register, round)
  local list = nodes .. ':i:' .. incarnation
  local waiting = redis.call('RPUSH', list, round .. ' ' .. stem .. ' ' .. register)
  redis.call('PEXPIRE', list, SHARERS_TTL_MS)
  local number = tonumber(redis.call('HGET', nodes .. ':acked', incarnation) or '0') + waiting
  tell(node_of(incarnation), 'cache.invalidated', { to = incarnation, number = number, stem = stem, register = register })
end

local function keep_result(id, result)
  redis.call('SET', scope() .. ':r:' .. id, cmsgpack.pack(result), 'PX', RESULT_TTL_MS)
end

local function result_of(id)
  local packed = redis.call('GET', scope() .. ':r:' .. id)
  return packed and cmsgpack.unpack(packed) or nil
end

-- Begins a round: the operations that are queued for the register are done when all sharers have dropped it.
local function begin_round(register, sharers)
  local round = tostring(redis.call('INCR', nodes .. ':round'))
  local at = c_key(register)
  redis.call('HSET', at, 'round', round, 'missing', #sharers)
  redis.call('ZADD', nodes .. ':rounds', now, stem .. ' ' .. register)
  if is_wide(register) then redis.call('SADD', scope() .. ':wide', register) end
  for _, sharer in ipairs(sharers) do
    redis.call('HSET', at, 'n' .. sharer[1], 1)
    invalidate(sharer[1], register, round)
  end
  for _, key in ipairs({ at, scope() .. ':wide', nodes .. ':round', nodes .. ':rounds' }) do
    redis.call('PEXPIRE', key, SHARERS_TTL_MS)
  end
  return round
end

-- A write joins the round that runs, and one invalidation serves all its writers.
local function join_round(register, write)
  redis.call('RPUSH', scope() .. ':q:' .. register, cmsgpack.pack(write))
  redis.call('PEXPIRE', scope() .. ':q:' .. register, SHARERS_TTL_MS)
end

-- Does a write at once: nobody holds the register, or those who do may be told later.
local function do_now(register, op, sharers)
  redis.call('DEL', c_key(register))
  for _, sharer in ipairs(sharers) do invalidate(sharer[1], register, '0') end
  return apply(op)
end

-- Ends the round of a register: nobody holds it any more, so the operations are done, in the order they came.
local function commit(register)
  local queue = redis.call('LRANGE', scope() .. ':q:' .. register, 0, -1)
  redis.call('DEL', c_key(register), scope() .. ':q:' .. register)
  redis.call('ZREM', nodes .. ':rounds', stem .. ' ' .. register)
  if is_wide(register) then redis.call('SREM', scope() .. ':wide', register) end
  enter(stem)
  for _, packed in ipairs(queue) do
    local write = cmsgpack.unpack(packed)
    local result = write.id and result_of(write.id)
    if not result then
      result = apply(write.op)
      if write.id then keep_result(write.id, result) end
    end
    if write.id then tell(write.node, 'cache.settled', { stem = stem, id = write.id, result = result }) end
  end
end

-- One incarnation holds the register no more: the last one ends the round.
local function release(register, incarnation, round)
  local at = c_key(register)
  if redis.call('HGET', at, 'round') ~= round then return end
  if redis.call('HDEL', at, 'n' .. incarnation) == 0 then return end
  if redis.call('HINCRBY', at, 'missing', -1) == 0 then commit(register) end
end

-- Turns to the caches that the items name.
local function release_all(incarnation, items)
  for _, item in ipairs(items) do
    local round, name, register = string.match(item, '^(%d+) (%S+) (.*)$')
    stem = name
    release(register, incarnation, round)
  end
end

-- The incarnation dropped all registers up to this invalidation.
local function acknowledge(incarnation, upto)
  local acked = tonumber(redis.call('HGET', nodes .. ':acked', incarnation) or '0')
  if upto <= acked then return end
  local items = redis.call('LPOP', nodes .. ':i:' .. incarnation, upto - acked) or {}
  redis.call('HSET', nodes .. ':acked', incarnation, acked + #items)
  release_all(incarnation, items)
end

-- The incarnation serves nothing any more: nobody needs to wait for it.
local function bury(incarnation)
  redis.call('HDEL', alive_key, incarnation)
  redis.call('HDEL', nodes .. ':acked', incarnation)
  local items = redis.call('LRANGE', nodes .. ':i:' .. incarnation, 0, -1)
  redis.call('DEL', nodes .. ':i:' .. incarnation)
  release_all(incarnation, items)
end

-- The incarnations that a round still waits for, each with its renewals.
local function waits_for(register)
  local names = named(c_key(register), 'n')
  local flat = {}
  for i, renewals in ipairs(renewals_of(names)) do
    flat[#flat + 1] = names[i]
    flat[#flat + 1] = renewals or ''
  end
  return flat
end
