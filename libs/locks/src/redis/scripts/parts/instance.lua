-- The Redis instance of a shard: one life of the process that is its primary. What an earlier one had granted may be lost, so a new
-- one opens when the nodes have asserted what they hold (assert.lua); until then nothing runs, and the error begins with OPENING.
-- KEYS 1 prefix of the shard
--   instance      string: '<process> <replication>' of the instance that is open; of one that opens
--                 '* <process> <replication> <since, ms> <1: the data is of an earlier one>'
--   expected      set: nodes that may know of leases     told  set: nodes that have asserted theirs
--   clock         string: see @redis/hybrid-clock.lua
-- Leaves: Instance.is_open(); begins a new one where it has to; Instance.name() of it, after that; Instance.clock(), the key of
--         the tokens
--         Instance.tell(node, others, knew_it): a node has asserted what it holds, and says which others may know of leases;
--         `knew_it`: it is no newcomer, so those are all
--         Instance.open_when_told(): opens it when all have told, or OPENING_MS are over; ms left, 0 when it is open
-- Invariant: no instance but an open one grants, ends or shows anything.
-- @include @redis/clock.lua
-- @include @redis/hint.lua
-- @include @redis/hybrid-clock.lua
-- @include @redis/integer.lua
local Instance = {}
local OPENING_MS, OPENING_KEPT_MS, BACK_WITHIN_S = 1500, 60000, 2
local NO_NEWCOMER = 'no newcomer'
-- By shard: the open instance, as the data had it when this process was found to be it. A restart, a failover and a full sync
-- lose it; after a partial sync the data tells of another one. While the ceiling of the tokens is the one that this library wrote
-- the data need not be asked: each new instance changes that.
local found_open = {}
-- This process and its time as the primary, and how long it runs, once they were looked up in a call; since when it opens, and
-- whether it follows an earlier one.
local me, up_s, since, follows
-- The key of the tokens of a shard; calls for another one make it again.
local clock_of, clock_key

local function look_up()
  local info = redis.call('INFO', 'server') .. redis.call('INFO', 'replication')
  me = string.match(info, 'run_id:(%w+)') .. ' ' .. string.match(info, 'master_replid:(%w+)')
  up_s = string.match(info, 'uptime_in_seconds:(%d+)') + 0
end

local function shard()
  return string.match(KEYS[1], '{(%d+)}')
end

local function begin(known)
  since, follows = now, known and '1' or '0'
  found_open[KEYS[1]] = nil
  HybridClock.disown(KEYS[1] .. 'clock')
  redis.call('DEL', KEYS[1] .. 'expected', KEYS[1] .. 'told')
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
  if found_open[KEYS[1]] and HybridClock.is_own(Instance.clock()) then return true end
  local known = redis.call('GET', KEYS[1] .. 'instance')
  if known and found_open[KEYS[1]] == known then return true end
  look_up()
  if known == me then
    found_open[KEYS[1]] = known
    return true
  end
  local opening, at, is_later = string.match(known or '', '^%* (%w+ %w+) (%d+) (%d)$')
  if opening == me then since, follows = at + 0, is_later else begin(known) end
  return false
end

function Instance.name()
  return found_open[KEYS[1]] or me
end

function Instance.tell(node, others, knew_it)
  local expected, told = KEYS[1] .. 'expected', KEYS[1] .. 'told'
  redis.call('SADD', told, node)
  -- A node id has no blank.
  if knew_it then redis.call('SADD', told, NO_NEWCOMER) end
  if #others > 0 then redis.call('SADD', expected, unpack(others)) end
  redis.call('PEXPIRE', told, OPENING_KEPT_MS)
  redis.call('PEXPIRE', expected, OPENING_KEPT_MS)
end

-- For how long to wait, when all have told. Nodes that only just started do not know of others that are on their way back. To a
-- Redis without data these are back soon after it started; else nobody has been here before.
local function left_when_told(left)
  if redis.call('SISMEMBER', KEYS[1] .. 'told', NO_NEWCOMER) == 1 then return 0 end
  return follows == '1' and left or math.min(left, (BACK_WITHIN_S - up_s) * 1000)
end

function Instance.open_when_told()
  local left = OPENING_MS - math.abs(now - since)
  if #redis.call('SDIFF', KEYS[1] .. 'expected', KEYS[1] .. 'told') == 0 then left = left_when_told(left) end
  if left > 0 then return left end
  redis.call('SET', KEYS[1] .. 'instance', me)
  redis.call('DEL', KEYS[1] .. 'expected', KEYS[1] .. 'told')
  found_open[KEYS[1]] = me
  hint('lock', 'lock.opened', nil, '{"shard":' .. shard() .. '}')
  return 0
end
