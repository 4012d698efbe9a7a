#!lua flags=allow-oom
-- A node says that it lives, fetches word that was left for it, and does what has to happen by itself.
-- KEYS 1 prefix of the shard
-- ARGV 1 channel prefix  2 run of the node
-- Returns {requests that Redis has for the node, ms until the next end of a lease or -1, {wait id, outcome, ...}}.
-- Invariant: with every hint lost a request learns its outcome by the next beat.
-- @include sweep.lua
Wait.hear(ARGV[2], NODE_LEASE_MS)
redis.call('SET', P .. 'pulse', int(now) .. ' ' .. int(now - Wait.clock()), 'PX', KEEP_MS)
local at = sweep()
return {
  redis.call('SCARD', P .. 'n:' .. ARGV[2]),
  at < 0 and -1 or math.max(0, at - now),
  redis.call('HGETALL', P .. 'g:' .. ARGV[2]),
}
