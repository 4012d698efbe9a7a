-- Keeps a cache within its bounds. An eviction is a delete that nobody asked for: where a near cache may hold the
-- entry it goes by a round like any other, so that nobody serves what another reader was told is gone.
-- @include coherence.lua
local SAMPLES = 8

-- Of some entries by chance the one that seems to be missed least: nobody asked Redis for it for the longest time, and
-- no near cache took it, which is where the reads of what is in use go. Redis knows idle times to the second; among
-- those that are equal the oldest goes.
local function victim_of(spared)
  local best
  for _, key in ipairs(redis.call('ZRANDMEMBER', stem .. ':index', SAMPLES)) do
    local at, taken = stem .. ':e:' .. key, c_key('k' .. key)
    local leaving = redis.call('HEXISTS', taken, 'round') == 1
    if key ~= spared and not leaving then
      local idle = redis.call('OBJECT', 'IDLETIME', at) or 0
      local seen = { key = key, taken = redis.call('EXISTS', taken), idle = idle, version = redis.call('HGET', at, 'n') }
      local better = not best
      if best and seen.taken ~= best.taken then
        better = seen.taken < best.taken
      elseif best and seen.idle ~= best.idle then
        better = seen.idle > best.idle
      elseif best then
        better = tonumber(seen.version) < tonumber(best.version)
      end
      if better then best = seen end
    end
  end
  return best
end

local function evict(victim)
  local register = 'k' .. victim.key
  local op = { 'delete', victim.key, victim.version, '' }
  local sharers = sharers_of(register, '', 0)
  redis.call('HINCRBY', stem .. ':stats', 'evicted', 1)
  if #sharers == 0 or state.coherence == 'eventual' then
    do_now(register, op, sharers)
    return
  end
  begin_round(register, sharers)
  join_round(register, { op = op })
end

-- Evicts at most so many entries, and not `spared`. Returns true when the cache is within its bounds, or will be when
-- the rounds that this began are over; else more is left for the next write, or for the sweeper.
local function make_room(limit, spared)
  local most, entries = tonumber(state.max_bytes), tonumber(state.max_entries)
  if not most and not entries then return true end
  local count = redis.call('ZCARD', stem .. ':index')
  local bytes = tonumber(redis.call('HGET', stem, 'bytes') or '0')
  local function fits()
    return not (entries and count > entries) and not (most and bytes > most)
  end
  while limit > 0 and not fits() do
    local victim = victim_of(spared)
    if not victim then break end
    limit = limit - 1
    count = count - 1
    bytes = bytes - counted(victim.key)
    evict(victim)
  end
  if not fits() then sweep_at(now) end
  return fits()
end
