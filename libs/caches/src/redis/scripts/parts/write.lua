-- A write: at once when no living near cache may hold the register, else as soon as all of them have dropped it.
-- KEYS 1 stem  2 the fill lease, where the register is a key  last  what the caches of its shard share
-- ARGV 1 write id  2 node  3 incarnation of the writer  4 number of its last fill  5 '1': the caller chose the id
--      6 '1': it may make this part of the cache, as a configuration may  7 register  8.. the operation
-- Leaves: Write.prepare(), which replies {'done', outcome...}, or {'pending', round, {{incarnation, renewals}, ...}} with those
--         that must acknowledge, or {'unmade'}: nothing was done, because it would make a part that it may not make
-- Invariant: an operation is done only when no living incarnation can serve what it replaces.
-- @include parts/eviction.lua
local Write = {}
local EVICTIONS = 16

function Write.prepare()
  local id, register, is_remembered = ARGV[1], ARGV[7], ARGV[5] == '1'
  local op = { unpack(ARGV, 8) }
  local what = op[1]
  if is_remembered then
    local outcome = Outcome.find(id)
    if outcome then return { 'done', unpack(outcome) } end
  end

  local write = { id = id, node = ARGV[2], op = op, is_remembered = is_remembered }
  local round, sharers, is_known = Register.look(register, ARGV[3], ARGV[4] + 0)
  if not round then
    local eventual = Cache.coherence == 'eventual' and what ~= 'configure' and what ~= 'drop'
    local waits = #sharers > 0 and not eventual
    -- With no write under way the state is the newest: what is refused now needs no round.
    local entry, there
    if not waits or Operation.asks_for_entry(op) then entry, there = Operation.find(op) end
    local refusal = Operation.refusal(op, entry)
    if refusal then return { 'done', unpack(refusal) } end
    local makes = ARGV[6] == '1' or what == 'configure'
    if not Cache.exists and what ~= 'delete' and what ~= 'drop' and not makes then return { 'unmade' } end
    if not waits then
      Round.skip(register, sharers, is_known)
      local outcome = Operation.apply(op, entry, there)
      if is_remembered then Outcome.keep(id, outcome) end
      Eviction.make_room(EVICTIONS, op[2])
      return { 'done', unpack(outcome) }
    end
    round = Round.begin(register, sharers, write)
  else
    Round.join(register, write)
  end
  return { 'pending', round, sharers or Round.waits_for(register) }
end
