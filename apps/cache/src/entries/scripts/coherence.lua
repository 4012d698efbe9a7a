-- Who may hold which entry in its near cache, and how a write makes sure that nobody serves what it replaces.
-- A register is what a write changes as one: 'k' .. key, 't' .. tag, or '*' (prefixes, flush, configuration).
-- Below <stem>:<life>, so that what was agreed in another life of Redis has no say in this one:
--   :alive          hash  incarnation -> number of its renewals
--   :c:<register>   hash  s<incarnation> -> largest fill number by which it may hold the register (a superset);
--                         while a round runs: round, missing, and n<incarnation> for each that must still acknowledge
--   :q:<register>   list  the operations that the round will do
--   :i:<incarnation>  list  'round register': invalidations that it has not acknowledged, numbered without gaps
--   :acked          hash  incarnation -> number of the last invalidation that it acknowledged
--   :rounds         zset  register -> start of its round
--   :r:<write id>   text  result of a write, for a minute
-- Keys that no write may ever touch again expire by themselves, long after every near cache gave up its copy
-- (coherence.rules.ts); only clean-up depends on that clock.
-- @include operations.lua
local scope = stem .. ':' .. (LIFE or '')
local alive_key = scope .. ':alive'
local SHARERS_TTL_MS = 43200000
local ALIVE_TTL_MS = 21600000
local RESULT_TTL_MS = 60000
local MAX_UNACKNOWLEDGED = 10000

local function c_key(register)
  return scope .. ':c:' .. register
end

local function node_of(incarnation)
  return string.match(incarnation, '^(.*)#')
end

-- The living incarnations that may hold the register, with their renewals. The writer is none of them when all
-- that it may hold came by a fill that it has given up on before it sent the write.
local function sharers_of(register, writer, given_up)
  local found = {}
  if register == '*' then
    local all = redis.call('HGETALL', alive_key)
    for i = 1, #all, 2 do found[#found + 1] = { all[i], all[i + 1] } end
    return found
  end
  local names = {}
  local fields = redis.call('HGETALL', c_key(register))
  for i = 1, #fields, 2 do
    local name = string.match(fields[i], '^s(.*)$')
    if name and not (name == writer and tonumber(fields[i + 1]) <= given_up) then names[#names + 1] = name end
  end
  if #names == 0 then return found end
  local renewals = redis.call('HMGET', alive_key, unpack(names))
  for i, name in ipairs(names) do
    if renewals[i] then found[#found + 1] = { name, renewals[i] } end
  end
  return found
end

-- Asks an incarnation to drop a register and to say so.
local function invalidate(incarnation, register, round)
  local waiting = redis.call('RPUSH', scope .. ':i:' .. incarnation, round .. ' ' .. register)
  redis.call('PEXPIRE', scope .. ':i:' .. incarnation, SHARERS_TTL_MS)
  local number = tonumber(redis.call('HGET', scope .. ':acked', incarnation) or '0') + waiting
  tell(node_of(incarnation), 'cache.invalidated', { to = incarnation, number = number, register = register })
end

local function keep_result(id, result)
  redis.call('SET', scope .. ':r:' .. id, cmsgpack.pack(result), 'PX', RESULT_TTL_MS)
end

local function result_of(id)
  local packed = redis.call('GET', scope .. ':r:' .. id)
  return packed and cmsgpack.unpack(packed) or nil
end

-- Ends the round of a register: nobody holds it any more, so the operations are done, in the order they came.
local function commit(register)
  local queue = redis.call('LRANGE', scope .. ':q:' .. register, 0, -1)
  redis.call('DEL', c_key(register), scope .. ':q:' .. register)
  redis.call('ZREM', scope .. ':rounds', register)
  for _, packed in ipairs(queue) do
    local write = cmsgpack.unpack(packed)
    local result = result_of(write.id)
    if not result then
      result = apply(write.op)
      keep_result(write.id, result)
    end
    tell(write.node, 'cache.settled', { id = write.id, result = result })
  end
end

-- One incarnation holds the register no more: the last one ends the round.
local function release(register, incarnation, round)
  local at = c_key(register)
  if redis.call('HGET', at, 'round') ~= round then return end
  if redis.call('HDEL', at, 'n' .. incarnation) == 0 then return end
  if redis.call('HINCRBY', at, 'missing', -1) == 0 then commit(register) end
end

local function release_all(incarnation, items)
  for _, item in ipairs(items) do
    local round, register = string.match(item, '^(%d+) (.*)$')
    release(register, incarnation, round)
  end
end

-- The incarnation dropped all registers up to this invalidation.
local function acknowledge(incarnation, upto)
  local acked = tonumber(redis.call('HGET', scope .. ':acked', incarnation) or '0')
  if upto <= acked then return end
  local items = redis.call('LPOP', scope .. ':i:' .. incarnation, upto - acked) or {}
  redis.call('HSET', scope .. ':acked', incarnation, acked + #items)
  release_all(incarnation, items)
end

-- The incarnation serves nothing any more: nobody needs to wait for it.
local function bury(incarnation)
  redis.call('HDEL', alive_key, incarnation)
  redis.call('HDEL', scope .. ':acked', incarnation)
  local items = redis.call('LRANGE', scope .. ':i:' .. incarnation, 0, -1)
  redis.call('DEL', scope .. ':i:' .. incarnation)
  release_all(incarnation, items)
end

-- The incarnations that a round still waits for, each with its renewals.
local function waits_for(register)
  local names = {}
  local fields = redis.call('HGETALL', c_key(register))
  for i = 1, #fields, 2 do
    local name = string.match(fields[i], '^n(.*)$')
    if name then names[#names + 1] = name end
  end
  local flat = {}
  if #names == 0 then return flat end
  local renewals = redis.call('HMGET', alive_key, unpack(names))
  for i, name in ipairs(names) do
    flat[#flat + 1] = name
    flat[#flat + 1] = renewals[i] or ''
  end
  return flat
end
