-- Ends leases and serves who waits, in one step.
-- KEYS, and ARGV around these fields, as in operate.lua.
-- Fields: lease id  number of names  names..., then wait id, claim of each request that the node vouches for
--         (see queue.lua)
-- Answers {1 released, or given up while it waited; 0 released before; -1 when one of them was lost (those still held are released),
--         and of each request served that was vouched for: wait id, then record, end, limit of each of its names}.
-- Invariants: only the holder's lease id ends a lease, a successor's stays; being vouched for changes no turn.
-- @include queue.lua

local function keys_of_release(first, _, keys)
  for i = first + 2, first + 1 + tonumber(ARGV[first + 1]) do keys[#keys + 1] = P .. 'l:' .. ARGV[i] end
end

local function read_release(first, last)
  local a = { lease = ARGV[first], names = {}, vouched = {} }
  local last_name = first + 1 + tonumber(ARGV[first + 1])
  for i = first + 2, last_name do a.names[#a.names + 1] = ARGV[i] end
  for i = last_name + 1, last, 2 do a.vouched[ARGV[i]] = ARGV[i + 1] end
  return a
end

-- A request that still waits is given up. False: there is none.
local function give_up_wait(a, names)
  local sorted = { unpack(a.names) }
  table.sort(sorted)
  local id = a.lease .. '/' .. table.concat(sorted, ',')
  local w = Wait.find(id)
  if not w then return false end
  Wait.leave(id, w, names)
  Wait.notify(id, w, 'left')
  for _, n in ipairs(a.names) do Name.remember(Name.of(n), a.lease, '1') end
  return true
end

local function release(first, last)
  local a = read_release(first, last)
  local released, lost, names = false, false, {}
  vouched, served = a.vouched, {}
  for _, n in ipairs(a.names) do
    local st = Name.of(n, a.lease)
    local r, expiry = Lease.holding(st, a.lease)
    if r then
      Lease.finish(st, a.lease, r, 'released', int(expiry))
      -- Its caller does not want what it was not told of yet, either.
      if r.state:sub(1, 1) == 'P' then Name.remember(st, a.lease, '1') end
      if st.waiting > 0 then names[#names + 1] = n end
      released = true
    else
      if Name.outcome_of(st, a.lease) ~= '1' then lost = true end
      if Name.record(st, a.lease) then Wait.touch(n) end
    end
  end
  if not released and lost and give_up_wait(a, names) then released, lost = true, false end
  Wait.promote(names)
  vouched = {}
  return { lost and -1 or released and 1 or 0, unpack(served) }
end
