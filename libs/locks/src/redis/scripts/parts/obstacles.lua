-- What stands in the way of waiting requests.
-- Leaves: Obstacles: holders(name), each with owner, lease and weight; waits_of(owner), ids, none of an owner with too many.
-- @include parts/wait.lua
local Obstacles = {}
do
  local MOST_HOLDERS, MOST_WAITS_OF_OWNER = 256, 64
  -- Permits and owner in the record of a lease: see lease.lua.
  local RECORD = '^([^ ]+) [^ ]+ [^ ]+ [^ ]+ [^ ]+ [^ ]+ [^ ]+ ([^ ]+)'
  -- What this call read before: holders by names, wait ids by owners.
  local holders, waits
  each_call(function() holders, waits = {}, {} end)

  function Obstacles.holders(id)
    if holders[id] then return holders[id] end
    local name, ids, found = Name.of(id), {}, {}
    for i, each in ipairs(Name.holders(name, MOST_HOLDERS)) do
      if i % 2 == 1 then ids[#ids + 1] = each end
    end
    Name.read_records(name, ids)
    for i, each in ipairs(ids) do
      local weight, owner = string.match(Name.record(name, each), RECORD)
      found[i] = { owner = owner, lease = each, weight = weight }
    end
    holders[id] = found
    return found
  end

  function Obstacles.waits_of(owner)
    if not waits[owner] then
      local ids = redis.call('SMEMBERS', prefix .. 'o:' .. owner)
      waits[owner] = #ids <= MOST_WAITS_OF_OWNER and ids or {}
    end
    return waits[owner]
  end
end
