-- Starts the time of leases anew: of all these names or of none.
-- KEYS, and ARGV around these fields, as in operate.lua.
-- Fields: lease id  ttl, ms; 0: as before  names...
-- Answers {'renewed', record, end, limit, ...} or {'lost'}.
-- Invariant: a lease that ended never begins again.
-- @include holders.lua

local function keys_of_renew(first, last, keys)
  for i = first + 2, last do keys[#keys + 1] = P .. 'l:' .. ARGV[i] end
end

local function read_renew(first, last)
  return { lease = ARGV[first], ttl = tonumber(ARGV[first + 1]), names = { unpack(ARGV, first + 2, last) } }
end

local function renew(first, last)
  local a = read_renew(first, last)
  local held = {}
  for _, n in ipairs(a.names) do
    local st = Name.of(n, a.lease)
    local r, expiry = Lease.holding(st, a.lease)
    if not r or r.state:sub(1, 1) == 'P' then return { 'lost' } end
    held[#held + 1] = { st = st, r = r, expiry = expiry }
  end
  local reply = { 'renewed' }
  for _, each in ipairs(held) do
    local st, r, expiry = each.st, each.r, each.expiry
    -- A lease of a session lives as long as the session: keeping that alive is what renews it.
    if r.session == '-' then
      if a.ttl > 0 and a.ttl ~= r.ttl then
        r.ttl = a.ttl
        Name.put(st, a.lease, Lease.format(r))
      end
      local before = expiry
      expiry = now + r.ttl
      Lease.set_end(st, a.lease, expiry)
      -- It is looked at when its end before this one comes, at the latest.
      if expiry < before then Name.look_by(st, expiry) end
    end
    Lease.answer(reply, st, a.lease, expiry)
  end
  return reply
end
