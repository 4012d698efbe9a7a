-- A register is what a write changes as one: 'k' .. key, 't' .. tag, 'p' .. prefix, or '*' (flush, drop, configuration).
-- Its sharers are the incarnations that may hold it: a superset of those that do.
--   <scope>:c:<register>  hash  s<incarnation> -> largest number of a fill by which it may hold the register; while a round
--                               runs: round, missing, first: the write that began it, if it is small, joined: there are others, and
--                               n<incarnation> for each that must still acknowledge
--   <scope>:c:@           hash  s<incarnation>: it may hold anything of the cache; they are asked about '*' and prefixes
--   <scope>:wide          set   registers with a round whose sharers are those of the whole cache
-- Keys that no write may ever touch again expire by themselves, long after every near cache dropped its copy
-- (coherence.rules.ts); only clean-up depends on that clock.
-- Leaves: Register.SHARERS_TTL_MS; Register.key(register), Register.is_wide(register), Register.wide_rounds(), the key
--         Register.look(register, writer, last_fill): the round that runs, or nil and the sharers to be waited for, each
--         { incarnation, renewals, acked = ... } as in parts/alive.lua; and whether anything is known of the register
--         Register.named(fields, letter): the incarnations whose fields begin with a letter, and their values
--         Register.forget_sharers(register): nothing of it is left, and only those who learn that come from now on
--         Register.share(registers, incarnation, fill, is_entry): puts a reader among the sharers of all of them; false
--         when a write of one is under way, then it may not hold what it reads
-- @include parts/alive.lua
-- @include parts/cache.lua
local Register = { SHARERS_TTL_MS = 43200000 }
-- A near cache holds that there is no entry for a few seconds only (coherence.rules.ts), and few of these at a time, so
-- little is kept for those who ask for what is not there.
local ABSENT_TTL_MS = 60000
-- The sharers of a whole cache are asked for at each read: their time is renewed when so much of it has passed.
local RENEW_AFTER_MS = 3600000
local FEW = 16

function Register.key(register)
  return Cache.scope .. ':c:' .. register
end

function Register.wide_rounds()
  return Cache.scope .. ':wide'
end

function Register.is_wide(register)
  return register == '*' or string.sub(register, 1, 1) == 'p'
end

function Register.named(fields, letter)
  local names, values = {}, {}
  for i = 1, #fields, 2 do
    local field = fields[i]
    if string.sub(field, 1, 1) == letter and string.find(field, '#', 1, true) then
      names[#names + 1] = string.sub(field, 2)
      values[#values + 1] = fields[i + 1]
    end
  end
  return names, values
end

function Register.forget_sharers(register)
  local at = Register.key(register)
  if redis.call('HEXISTS', at, 'round') == 0 then redis.call('PEXPIRE', at, ABSENT_TTL_MS) end
end

-- A writer need not wait for itself when all that it may hold came by a fill that it dropped before it sent the write.
function Register.look(register, writer, last_fill)
  local fields = redis.call('HGETALL', Register.key(register))
  local is_known = #fields > 0
  for i = 1, #fields, 2 do
    if fields[i] == 'round' then return fields[i + 1], nil, true end
  end
  local sharers = {}
  if Register.is_wide(register) then fields = redis.call('HGETALL', Register.key('@')) end
  local names, fills = Register.named(fields, 's')
  local renewals, acked = Alive.renewals(names)
  for i = 1, #names do
    local is_excused = names[i] == writer and fills[i] + 0 <= last_fill
    if renewals[i] and not is_excused then sharers[#sharers + 1] = { names[i], renewals[i], acked = acked[i] } end
  end
  return nil, sharers, is_known
end

-- Forgets sharers that are not alive when they are most of those that are known: a few steps for each that came.
local function forget_former_sharers(at, count)
  if count <= FEW or count <= 2 * redis.call('HLEN', Alive.key()) + FEW then return end
  local names = Register.named(redis.call('HGETALL', at), 's')
  local renewals = Alive.renewals(names)
  for i = 1, #names do
    if not renewals[i] then redis.call('HDEL', at, 's' .. names[i]) end
  end
end

local function put_sharer(at, field, fill, known, ttl)
  -- Fills may arrive out of order: the largest number is the one that counts.
  if not known or known + 0 < fill + 0 then redis.call('HSET', at, field, fill) end
  local count = known and 2 or redis.call('HLEN', at)
  if count == 1 then
    redis.call('PEXPIRE', at, ttl)
    return
  end
  if not known then forget_former_sharers(at, count) end
  redis.call('PEXPIRE', at, ttl, 'GT')
end

local function share_cache(field)
  local at = Register.key('@')
  local known = redis.call('HEXISTS', at, field) == 1
  if known and redis.call('PTTL', at) > Register.SHARERS_TTL_MS - RENEW_AFTER_MS then return end
  put_sharer(at, field, '1', known and '1', Register.SHARERS_TTL_MS)
end

function Register.share(registers, incarnation, fill, is_entry)
  local field, known = 's' .. incarnation, {}
  for i = 1, #registers do
    local held = redis.call('HMGET', Register.key(registers[i]), 'round', field)
    if held[1] then return false end
    known[i] = held[2]
  end
  -- While a write of the whole cache, or of a prefix, is under way nothing of it may be held. An absence stays one.
  if is_entry and redis.call('EXISTS', Register.wide_rounds()) == 1 then return false end
  local ttl = is_entry and Register.SHARERS_TTL_MS or ABSENT_TTL_MS
  for i = 1, #registers do put_sharer(Register.key(registers[i]), field, fill, known[i], ttl) end
  if is_entry then share_cache(field) end
  return true
end
