-- What there is to see of a name: who holds it and who waits for it now, not who may come back.
-- @include queue.lua

local function describe(n, most)
  Wait.touch(n)
  local st = Name.of(n)
  local holders, waiters, reserved = {}, {}, 0
  if st.used > 0 then
    local leases = Lease.list(st, most)
    for i = 1, #leases, 2 do
      local rec = Name.record(st, leases[i])
      local r = Lease.parse(rec)
      if Lease.is_reserved(r) then
        reserved = reserved + r.weight
      else
        holders[#holders + 1] = rec
        holders[#holders + 1] = int(Lease.ends(r, leases[i + 1]))
      end
    end
  end
  if st.waiting > 0 then
    local queue = redis.call('ZRANGE', P .. 'q:' .. n, 0, most - 1, 'WITHSCORES')
    for i = 1, #queue, 2 do
      local w = Wait.find(queue[i])
      for k = 1, Wait.is_absence(w.runs) and 0 or #w.items, 2 do
        if w.items[k] == n then
          waiters[#waiters + 1] = w.owner
          waiters[#waiters + 1] = int(w.items[k + 1])
          waiters[#waiters + 1] = int(math.floor(tonumber(queue[i + 1]) / 1000))
        end
      end
    end
  end
  return { n, int(st.token), st.used - reserved, st.limit or 0, holders, waiters }
end
