-- Renews leases: of all these names or of none.
-- Fields: lease id  ttl, ms; 0: as before  names...
-- Answers 'renewed', record, end, limit, ... or 'lost'.
-- Invariant: a lease that ended never begins again.
-- Leaves: Renew.run(first, last): with the places of its first and its last field
-- @include parts/lease.lua
local Renew = {}

function Renew.run(first, last)
  local lease_id, asked_ttl = ARGV[first], ARGV[first + 1]
  local records, endings = {}, {}
  for i = first + 2, last do
    local record, ending = Lease.holding(Name.of(ARGV[i]), lease_id)
    if not record or not Lease.is_told(Lease.parse(record).state) then return answer('lost') end
    records[i], endings[i] = record, ending
  end
  answer('renewed')
  for i = first + 2, last do
    local name, record, ending = Name.of(ARGV[i]), records[i], endings[i]
    local lease = Lease.parse(record)
    -- A lease of a session lives as long as the session: keeping that alive is what renews it.
    if lease.session == '-' then
      if asked_ttl ~= '0' and asked_ttl ~= lease.ttl then
        lease.ttl = asked_ttl
        record = Lease.format(lease)
      end
      ending = now + lease.ttl
      Name.hold(name, lease_id, record, int(ending))
      -- It is looked at when its end before this one comes, at the latest.
      if ending < endings[i] then Name.look_by(name, ending) end
    end
    answer(record, ending, name.limit)
  end
end
