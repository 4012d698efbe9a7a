-- Renews the lease under which an incarnation serves from its near cache, and returns all that it must drop first.
-- KEYS 1 stem
-- ARGV 1 incarnation  2 number of the last invalidation that it has seen  3 age at which a round is reported, ms
--      4.. key, fill number: registers that it holds no more
-- Returns {0} when it is fenced, else {1, number of the first invalidation, {register, ...}, near cache bytes,
--         {register, round, {incarnation, renewals, ...}, ...}}: the rounds are those that seem to be stuck.
-- Invariant: every invalidation that was not acknowledged is in the reply, so who extends its lease after dropping
--            them has acknowledged them by that.
-- @include coherence.lua
local incarnation = ARGV[1]
if redis.call('HEXISTS', alive_key, incarnation) == 0 then return { 0 } end
acknowledge(incarnation, tonumber(ARGV[2]))
if redis.call('LLEN', scope .. ':i:' .. incarnation) > MAX_UNACKNOWLEDGED then
  -- It cannot keep up and starts anew with an empty near cache. Only then is it taken off the living.
  return { 0 }
end
redis.call('HINCRBY', alive_key, incarnation, 1)
redis.call('PEXPIRE', alive_key, ALIVE_TTL_MS)
redis.call('PEXPIRE', scope .. ':acked', ALIVE_TTL_MS)

for i = 4, #ARGV, 2 do
  local at, field = c_key('k' .. ARGV[i]), 's' .. incarnation
  if redis.call('HGET', at, field) == ARGV[i + 1] then redis.call('HDEL', at, field) end
end

local registers = {}
for i, item in ipairs(redis.call('LRANGE', scope .. ':i:' .. incarnation, 0, -1)) do
  registers[i] = string.match(item, '^%d+ (.*)$')
end
local stuck = {}
for _, register in ipairs(redis.call('ZRANGE', scope .. ':rounds', '-inf', now - tonumber(ARGV[3]), 'BYSCORE', 'LIMIT', 0, 32)) do
  stuck[#stuck + 1] = register
  stuck[#stuck + 1] = redis.call('HGET', c_key(register), 'round') or ''
  stuck[#stuck + 1] = waits_for(register)
end
local acked = tonumber(redis.call('HGET', scope .. ':acked', incarnation) or '0')
return { 1, acked + 1, registers, redis.call('HGET', stem, 'nearCacheBytes') or '', stuck }
