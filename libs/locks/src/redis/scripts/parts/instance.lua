-- The Redis instance of a shard: one life of the process that is its primary. What an earlier one had granted may be lost, so a new
-- one opens when the nodes have asserted what they hold (assert.lua); until then nothing runs, and the error begins with OPENING.
-- So it is when the clock of Redis leapt: by that clock leases are over that are not.
-- KEYS 1 prefix of the shard
--   instance      string: '<process> <replication>' of the instance that is open; of one that opens
--                 '* <process> <replication> <since, ms> <1: the data is of an earlier one>'
--   expected, told   see @redis/opening.lua
--   clock         string: see @redis/hybrid-clock.lua
-- Leaves: Instance.is_open(); begins a new one where it has to; Instance.name() of it, after that; Instance.clock(), the key of
--         the tokens
--         Instance.is_watched(): whether anybody watches names of the shard, after is_open()
--         Instance.went_on(instance, at, elapsed, is_first): whether it is the same since a node was told its name and its clock,
--         `elapsed` ms ago, and that clock did not leap; opens it anew where it may have. `is_first`: the node is new, and the only one
--         Instance.open_when_told(): opens it when all have told, or the time for that is over; ms left, 0 when it is open
-- Invariant: no instance but an open one grants, ends or shows anything.
-- @include @redis/clock.lua
-- @include @redis/hint.lua
-- @include @redis/hybrid-clock.lua
-- @include @redis/integer.lua
-- @include @redis/opening.lua
-- @include parts/leap.lua
local Instance = {}
-- By shard: the open instance, as the data had it when this process was found to be it. A restart, a failover and a full sync
-- lose it; after a partial sync the data tells of another one. While the ceiling of the tokens is the one that this library wrote
-- the data need not be asked: each new instance changes that.
local found_open = {}
-- By shard: nobody watches its names. So it stays, too, while the ceiling is this library's: who begins to watch changes it (watch.lua).
local unwatched = {}
-- The present instance, once it was looked up in a call; since when it opens, and whether it follows an earlier one.
local me, since, follows
-- The key of the tokens of a shard; calls for another one make it again.
local clock_of, clock_key

local function shard()
  return string.match(KEYS[1], '{(%d+)}')
end

local function begin(known)
  since, follows = now, known and '1' or '0'
  found_open[KEYS[1]] = nil
  HybridClock.disown(KEYS[1] .. 'clock')
  Opening.forget(KEYS[1])
  redis.call('SET', KEYS[1] .. 'instance', '* ' .. me .. ' ' .. int(now) .. ' ' .. follows)
  hint('lock', 'lock.opening', nil, '{"shard":' .. shard() .. '}')
end

function Instance.clock()
  if clock_of ~= KEYS[1] then
    clock_of = KEYS[1]
    clock_key = clock_of .. 'clock'
  end
  return clock_key
end

function Instance.is_open()
  if found_open[KEYS[1]] and HybridClock.is_own(Instance.clock()) then return not Leap.is_suspected() end
  unwatched[KEYS[1]] = nil
  local known = redis.call('GET', KEYS[1] .. 'instance')
  if known and found_open[KEYS[1]] == known then return not Leap.is_suspected() end
  me = Opening.instance()
  if known == me then
    found_open[KEYS[1]] = known
    return not Leap.is_suspected()
  end
  local opening, at, is_later = string.match(known or '', '^%* (%w+ %w+) (%d+) (%d)$')
  if opening == me then since, follows = at + 0, is_later else begin(known) end
  return false
end

function Instance.name()
  return found_open[KEYS[1]] or me
end

function Instance.is_watched()
  if unwatched[KEYS[1]] then return false end
  unwatched[KEYS[1]] = not redis.call('GET', KEYS[1] .. 'watching')
  return not unwatched[KEYS[1]]
end

function Instance.went_on(instance, at, elapsed, is_first)
  local known = redis.call('GET', KEYS[1] .. 'instance')
  local same = known == instance and not Leap.since(at, elapsed)
  if known and string.byte(known) ~= 42 and Leap.is_suspected() then
    -- Where nobody lives who could know better the clock counts.
    if same or is_first then
      Leap.clear()
    else
      me = Opening.instance()
      begin(known)
    end
  end
  return same
end

function Instance.open_when_told()
  local left = Opening.left(KEYS[1], since, follows == '1')
  if left > 0 then return left end
  redis.call('SET', KEYS[1] .. 'instance', me)
  Opening.forget(KEYS[1])
  Leap.clear()
  found_open[KEYS[1]] = me
  hint('lock', 'lock.opened', nil, '{"shard":' .. shard() .. '}')
  return 0
end
