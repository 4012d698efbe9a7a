-- Ends leases and serves who waits, in one step.
-- KEYS 1 prefix of the shard
-- ARGV 1 channel prefix  2 lease id  3 run of the node  4 number of names  5... names, and then wait id, claim
--      of each request that the node vouches for (see queue.lua)
-- Returns {1 released; 0 released before; -1 when one of them was lost (those still held are released),
--         and of each request served that was vouched for: wait id, then record, end of each of its names}.
-- Invariants: only the holder's lease id ends a lease, a successor's stays; being vouched for changes no turn.
-- @include queue.lua
local lease = ARGV[2]
local released, lost, names = false, false, {}
local last = 4 + tonumber(ARGV[4])
VOUCHING = ARGV[3]
for i = last + 1, #ARGV, 2 do vouched[ARGV[i]] = ARGV[i + 1] end
for i = 5, last do
  local n = ARGV[i]
  local st = state(n, lease)
  local r, expiry = holding(st, lease)
  if r and r.state:sub(1, 1) == 'T' then
    finish(st, lease, st.records[lease], 'released', string.format('%d', expiry))
    if st.waiting > 0 then names[#names + 1] = n end
    released = true
  else
    if redis.call('GET', P .. 's:' .. n .. ' ' .. lease) ~= '1' then lost = true end
    if st.records[lease] then touch(n) end
  end
end
promote(names)
save()
return { lost and -1 or released and 1 or 0, unpack(served) }
