-- Ends leases and serves who waits, in one step.
-- KEYS 1 prefix of the shard
-- ARGV 1 channel prefix  2 lease id  3... names
-- Returns 1 released; 0 released before; -1 when one of them was lost (those still held are released).
-- Invariant: only the holder's lease id ends a lease; a successor's stays.
-- @include queue.lua
local lease = ARGV[2]
local released, lost, names = false, false, {}
for i = 3, #ARGV do
  local n = ARGV[i]
  local st = state(n)
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
return lost and -1 or released and 1 or 0
