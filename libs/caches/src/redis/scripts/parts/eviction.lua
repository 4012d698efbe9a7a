-- Keeps a cache within its bounds, in a Redis Cluster each part within its share of them. An eviction is a delete that nobody asked for: where a near cache may hold the
-- entry it goes by a round like any other, so that nobody serves what another reader was told is gone.
-- Leaves: Eviction.make_room(limit, spared): evicts at most so many entries, and not `spared`. True when the cache is within
--         its bounds, or will be when the rounds that this began are over; else more is left for the next write, or for the
--         sweeper
-- @include parts/round.lua
local Eviction = {}
local SAMPLES = 8
-- A cache has so many parts in a Redis Cluster (shards.ts).
local PARTS = 32

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
  Round.begin(register, sharers, { op = op })
end

local function share(bound)
  if bound == '' then return math.huge end
  return string.find(Instance.shared, ':%d+}$') and math.ceil(bound / PARTS) or bound + 0
end

function Eviction.make_room(limit, spared)
  if Cache.max_bytes == '' and Cache.max_entries == '' then return true end
  local most, entries = share(Cache.max_bytes), share(Cache.max_entries)
  -- What waits for its round is counted as gone.
  local count, bytes = redis.call('ZCARD', Cache.stem .. ':index'), Cache.bytes
  -- One entry may be larger than a share.
  while limit > 0 and (count > entries or bytes > most and count > 1) do
    local victim = victim_of(spared)
    if not victim then break end
    limit = limit - 1
    count = count - 1
    bytes = bytes - Entry.size(victim.key, victim.there)
    evict(victim)
  end
  local fits = count <= entries and (bytes <= most or count <= 1)
  if not fits then Cache.sweep_at(now) end
  return fits
end
