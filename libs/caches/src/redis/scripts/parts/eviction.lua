-- Keeps a cache within its bounds. An eviction is a delete that nobody asked for: where a near cache may hold the
-- entry it goes by a round like any other, so that nobody serves what another reader was told is gone.
-- Leaves: Eviction.make_room(limit, spared): evicts at most so many entries, and not `spared`. True when the cache is within
--         its bounds, or will be when the rounds that this began are over; else more is left for the next write, or for the
--         sweeper
-- @include parts/round.lua
local Eviction = {}
local SAMPLES = 8

local function is_better(victim, other)
  if victim.shared ~= other.shared then return victim.shared < other.shared end
  if victim.idle ~= other.idle then return victim.idle > other.idle end
  return victim.there.version + 0 < other.there.version + 0
end

-- Of some entries by chance the one that seems to be missed least: nobody asked Redis for it for the longest time, and
-- no near cache took it, which is where the reads of what is in use go. Redis knows idle times to the second; among
-- those that are equal the oldest goes.
local function victim_of(spared)
  local best
  local keys = redis.call('ZRANDMEMBER', Cache.stem .. ':index', SAMPLES)
  for i = 1, #keys do
    local key = keys[i]
    local register = Register.key('k' .. key)
    if key ~= spared and redis.call('HEXISTS', register, 'round') == 0 then
      local victim = {
        key = key, shared = redis.call('EXISTS', register), idle = redis.call('OBJECT', 'IDLETIME', Entry.key(key)) or 0,
        there = Entry.look(key),
      }
      if not best or is_better(victim, best) then best = victim end
    end
  end
  return best
end

local function evict(victim)
  local register = 'k' .. victim.key
  local op = { 'delete', victim.key, victim.there.version, '' }
  local _, sharers, is_known = Register.look(register, '', 0)
  redis.call('HINCRBY', Cache.stem .. ':stats', 'evicted', 1)
  if #sharers == 0 or Cache.coherence == 'eventual' then
    Round.skip(register, sharers, is_known)
    Operation.perform(op)
    return
  end
  Round.begin(register, sharers)
  Round.join(register, { op = op })
end

function Eviction.make_room(limit, spared)
  local most, entries = Cache.max_bytes, Cache.max_entries
  if most == '' and entries == '' then return true end
  most = most == '' and math.huge or most + 0
  entries = entries == '' and math.huge or entries + 0
  -- What waits for its round is counted as gone.
  local count, bytes = redis.call('ZCARD', Cache.stem .. ':index'), Cache.bytes
  while limit > 0 and (count > entries or bytes > most) do
    local victim = victim_of(spared)
    if not victim then break end
    limit = limit - 1
    count = count - 1
    bytes = bytes - Entry.size(victim.key, victim.there)
    evict(victim)
  end
  local fits = count <= entries and bytes <= most
  if not fits then Cache.sweep_at(now) end
  return fits
end
