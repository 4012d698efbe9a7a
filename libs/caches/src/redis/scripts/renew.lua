#!lua flags=allow-oom
-- Renews the lease under which an incarnation serves from its near caches, and returns all that it must drop first.
-- KEYS 1 what all caches share
-- ARGV 1 incarnation  2 number of the last invalidation that it has seen  3 age at which a round is reported, ms
--      4.. stem, key, fill number: what it holds no more
-- Returns {0} when it is fenced, else {1, number of the first invalidation, {stem, register, ...},
--         {stem, register, round, {incarnation, renewals, ...}, ...}}: the rounds are those that seem to be stuck.
-- Invariant: every invalidation that was not acknowledged is in the reply, so who extends its lease after dropping
--            them has acknowledged them by that.
-- @include coherence.lua
local incarnation = ARGV[1]
local renewals = redis.call('HGET', alive_key, incarnation)
if not renewals then return { 0 } end
acknowledge(incarnation, tonumber(ARGV[2]))
local waiting = redis.call('LRANGE', nodes .. ':i:' .. incarnation, 0, MAX_UNACKNOWLEDGED)
if #waiting > MAX_UNACKNOWLEDGED then
  -- It cannot keep up and starts anew with empty near caches. Only then is it taken off the living.
  return { 0 }
end
redis.call('HSET', alive_key, incarnation, exact(tonumber(string.match(renewals, '^%d+')) + 1) .. ' ' .. exact(now))
redis.call('PEXPIRE', alive_key, ALIVE_TTL_MS)
redis.call('PEXPIRE', nodes .. ':acked', ALIVE_TTL_MS)

for i = 4, #ARGV, 3 do
  stem = ARGV[i]
  local at, field = c_key('k' .. ARGV[i + 1]), 's' .. incarnation
  if redis.call('HGET', at, field) == ARGV[i + 2] then redis.call('HDEL', at, field) end
end

local registers = {}
for _, item in ipairs(waiting) do
  local name, register = string.match(item, '^%d+ (%S+) (.*)$')
  registers[#registers + 1] = name
  registers[#registers + 1] = register
end
local stuck = {}
for _, item in ipairs(redis.call('ZRANGE', nodes .. ':rounds', '-inf', now - tonumber(ARGV[3]), 'BYSCORE', 'LIMIT', 0, 32)) do
  local name, register = string.match(item, '^(%S+) (.*)$')
  stem = name
  stuck[#stuck + 1] = name
  stuck[#stuck + 1] = register
  stuck[#stuck + 1] = redis.call('HGET', c_key(register), 'round') or ''
  stuck[#stuck + 1] = waits_for(register)
end
local acked = tonumber(redis.call('HGET', nodes .. ':acked', incarnation) or '0')
return { 1, acked + 1, registers, stuck }
