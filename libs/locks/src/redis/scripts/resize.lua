#!lua
-- Configures the limit of a semaphore, and serves who now fits.
-- KEYS 1 prefix of the shard
-- ARGV 1 channel prefix  2 name  3 limit  4 most holders and waiters shown
-- Returns as inspect.lua.
-- Invariants: leases stay as they are; the limit holds for the next grants, until it is configured anew or forgotten.
-- @include describe.lua
local n = ARGV[2]
local st = Name.of(n)
Wait.touch(n)
st.limit, st.configured, st.changed = tonumber(ARGV[3]), true, true
Wait.promote({ n })
local reply = describe(n, tonumber(ARGV[4]))
Name.save()
return reply
