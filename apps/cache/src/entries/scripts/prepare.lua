-- Writes: at once when no living near cache may hold the register, else as soon as all of them have dropped it.
-- KEYS 1 stem
-- ARGV 1 write id  2 node  3 incarnation of the writer  4 number of its last fill  5 '1': the caller chose the id
--      6 register  7.. the operation
-- Returns {'done', result...}, or {'pending', round, incarnation, renewals, ...} with those that must acknowledge.
-- Invariant: an operation is done only when no living incarnation can serve what it replaces.
-- @include coherence.lua
local id, register = ARGV[1], ARGV[6]
local op = {}
for i = 7, #ARGV do op[#op + 1] = ARGV[i] end

if ARGV[5] == '1' then
  local result = result_of(id)
  if result then return { 'done', unpack(result) } end
end

local at = c_key(register)
local round = redis.call('HGET', at, 'round')
if not round then
  -- With no write under way the state is the newest: what is refused now needs no round.
  local refusal = refusal_of(op)
  if refusal then return { 'done', unpack(refusal) } end
  local sharers = sharers_of(register, ARGV[3], tonumber(ARGV[4]))
  local eventual = state[6] == 'eventual' and op[1] ~= 'configure'
  if #sharers == 0 or eventual then
    redis.call('DEL', at)
    for _, sharer in ipairs(sharers) do invalidate(sharer[1], register, '0') end
    local result = apply(op)
    if ARGV[5] == '1' then keep_result(id, result) end
    return { 'done', unpack(result) }
  end
  round = tostring(redis.call('HINCRBY', stem, 'rounds', 1))
  redis.call('HSET', at, 'round', round, 'missing', #sharers)
  redis.call('ZADD', scope .. ':rounds', now, register)
  for _, sharer in ipairs(sharers) do
    redis.call('HSET', at, 'n' .. sharer[1], 1)
    invalidate(sharer[1], register, round)
  end
end
-- A round runs: this write joins it, and one invalidation serves all its writers.
redis.call('RPUSH', scope .. ':q:' .. register, cmsgpack.pack({ id = id, node = ARGV[2], op = op }))
redis.call('PEXPIRE', scope .. ':q:' .. register, SHARERS_TTL_MS)
redis.call('PEXPIRE', at, SHARERS_TTL_MS)
return { 'pending', round, unpack(waits_for(register)) }
