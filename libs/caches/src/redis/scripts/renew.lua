#!lua flags=allow-oom
-- Renews the lease under which an incarnation serves from its near caches, and returns all that it must drop first.
-- KEYS 1 what the caches of a shard share
-- ARGV 1 incarnation  2 number of the last invalidation that it has seen  3 age at which a round is reported, ms
--      4.. stem without the prefix of the namespace, key, fill number: what it holds no more
-- Returns {0} when it is fenced, else {1, number of the first invalidation, {{stem, register}, ...},
--         {{stem, register, round, {{incarnation, renewals}, ...}}, ...}, no smaller than any version}: the rounds are those
--         that seem to be stuck.
-- Invariant: every invalidation that was not acknowledged is in the reply, so an incarnation that extends its lease after
--            it dropped them has acknowledged them by that.
-- @include parts/incarnation.lua
local MAX_UNACKNOWLEDGED = 10000
local MAX_STUCK = 32

-- What it evicted it need not be asked for, unless it read it again since.
local function forget_evicted(incarnation)
  local field = 's' .. incarnation
  for i = 4, #ARGV, 3 do
    Cache.turn_to(Cache.in_namespace(ARGV[i]))
    local at = Register.key('k' .. ARGV[i + 1])
    if redis.call('HGET', at, field) == ARGV[i + 2] then redis.call('HDEL', at, field) end
  end
end

local function stuck_rounds(age)
  local stuck = {}
  local items = redis.call('ZRANGE', Round.open(), '-inf', now - age, 'BYSCORE', 'LIMIT', 0, MAX_STUCK)
  for i = 1, #items do
    local stem, register = string.match(items[i], '^(%S+) (.*)$')
    Cache.turn_to(stem)
    stuck[i] = { stem, register, redis.call('HGET', Register.key(register), 'round') or '', Round.waits_for(register) }
  end
  return stuck
end

return function()
  local incarnation = ARGV[1]
  local renewals, acked = Incarnation.acknowledge(incarnation, ARGV[2] + 0)
  if not renewals then return { 0 } end
  local waiting = redis.call('LRANGE', Invalidation.list(incarnation), 0, MAX_UNACKNOWLEDGED)
  -- It cannot keep up, and joins again with empty near caches. Only then is it taken off the living.
  if #waiting > MAX_UNACKNOWLEDGED then return { 0 } end
  Alive.put(incarnation, renewals + 1, now, acked)
  redis.call('PEXPIRE', Alive.key(), Alive.TTL_MS)
  forget_evicted(incarnation)

  local registers = {}
  for i = 1, #waiting do
    registers[i] = { string.match(waiting[i], '^%d+ (%S+) (.*)$') }
  end
  return { 1, acked + 1, registers, stuck_rounds(ARGV[3]),
    int(HybridClock.keep(Instance.clock(), Instance.clock_text)) }
end
