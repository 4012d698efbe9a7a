-- What there is to see of a name.
-- @include queue.lua

local function describe(n, most)
  Wait.touch(n)
  local st = Name.of(n)
  local holders, waiters = {}, {}
  if st.used > 0 then
    local leases = Lease.list(st, most)
    for i = 1, #leases, 2 do
      local rec = Name.record(st, leases[i])
      holders[#holders + 1] = rec
      holders[#holders + 1] = int(Lease.ends(Lease.parse(rec), leases[i + 1]))
    end
  end
  if st.waiting > 0 then
    local queue = redis.call('ZRANGE', P .. 'q:' .. n, 0, most - 1, 'WITHSCORES')
    for i = 1, #queue, 2 do
      local w = Wait.find(queue[i])
      for k = 1, #w.items, 2 do
        if w.items[k] == n then
          waiters[#waiters + 1] = w.owner
          waiters[#waiters + 1] = int(w.items[k + 1])
          waiters[#waiters + 1] = int(math.floor(tonumber(queue[i + 1]) / 1000))
        end
      end
    end
  end
  return { n, int(st.token), st.used, st.limit or 0, holders, waiters }
end
