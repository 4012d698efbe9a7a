-- Starts the time of leases anew: of all these names or of none.
-- KEYS 1 prefix of the shard
-- ARGV 1 channel prefix  2 lease id  3 ttl, ms; 0: as before  4... names
-- Returns {'renewed', record, end, ...} or {'lost'}.
-- Invariant: a lease that ended never begins again.
-- @include holders.lua
local lease, ttl = ARGV[2], tonumber(ARGV[3])
local held = {}
for i = 4, #ARGV do
  local st = state(ARGV[i])
  local r, expiry = holding(st, lease)
  if not r or r.state:sub(1, 1) == 'P' then return { 'lost' } end
  held[#held + 1] = { st = st, r = r, expiry = expiry }
end
local reply = { 'renewed' }
for _, each in ipairs(held) do
  local st, r, expiry = each.st, each.r, each.expiry
  -- A lease of a session lives as long as the session: keeping that alive is what renews it.
  if r.session == '-' then
    if ttl > 0 and ttl ~= r.ttl then
      r.ttl = ttl
      put(st, lease, format(r))
    end
    expiry = now + r.ttl
    redis.call('ZADD', P .. 'x:' .. st.n, expiry, lease)
    redis.call('ZADD', P .. 'due', 'LT', expiry, st.n)
  end
  reply[#reply + 1] = record(st, lease)
  reply[#reply + 1] = string.format('%d', expiry)
end
save()
return reply
