-- Gives a semaphore another limit, and serves who now fits.
-- KEYS 1 prefix of the shard
-- ARGV 1 channel prefix  2 name  3 limit  4 how long an idle semaphore keeps its limit, ms
--      5 most holders and waiters shown
-- Returns as inspect.lua.
-- Invariant: leases stay as they are; the limit holds for the next grants.
-- @include describe.lua
local n, limit = ARGV[2], tonumber(ARGV[3])
local st = Name.of(n)
Wait.touch(n)
st.limit = limit
if st.used == 0 and st.waiting == 0 then
  Name.save()
  Name.save_idle(st, int(limit), ARGV[4])
else
  st.changed = true
  Wait.promote({ n })
end
local reply = describe(n, tonumber(ARGV[5]))
Name.save()
return reply
