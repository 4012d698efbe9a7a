-- Writes: at once when no living near cache may hold the register, else as soon as all of them have dropped it.
-- KEYS 1 stem  2 what all caches share
-- ARGV 1 write id  2 node  3 incarnation of the writer  4 number of its last fill  5 '1': the caller chose the id
--      6 '1': the name of the cache is on the list of names  7 register  8.. the operation
-- Returns {'done', result...}, or {'pending', round, {incarnation, renewals, ...}} with those that must acknowledge, or
-- {'unnamed'}: nothing was done, because it would make a cache whose name nobody has put on the list.
-- Invariant: an operation is done only when no living incarnation can serve what it replaces.
-- @include evict.lua
local EVICTIONS = 16
local id, register = ARGV[1], ARGV[7]
local op = {}
for i = 8, #ARGV do op[#op + 1] = ARGV[i] end

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
  if not state.exists and op[1] ~= 'delete' and op[1] ~= 'drop' and ARGV[6] ~= '1' then return { 'unnamed' } end
  local sharers = sharers_of(register, ARGV[3], tonumber(ARGV[4]))
  local eventual = state.coherence == 'eventual' and op[1] ~= 'configure' and op[1] ~= 'drop'
  if #sharers == 0 or eventual then
    local result = do_now(register, op, sharers)
    if ARGV[5] == '1' then keep_result(id, result) end
    make_room(EVICTIONS, op[2])
    return { 'done', unpack(result) }
  end
  round = begin_round(register, sharers)
end
join_round(register, { id = id, node = ARGV[2], op = op })
redis.call('PEXPIRE', at, SHARERS_TTL_MS)
return { 'pending', round, waits_for(register) }
