-- The id of a waiting request: '<lease id>/<name>,<name>...'. It says by itself what the request asks for.
-- Leaves: WaitId
local WaitId = {}
-- Where the names begin: after a lease id and a slash.
local NAMES_AT = 38

function WaitId.of(lease_id, names)
  return lease_id .. '/' .. table.concat(names, ',')
end

function WaitId.lease(id)
  return string.sub(id, 1, NAMES_AT - 2)
end

function WaitId.is_for_several(id)
  return string.find(id, ',', NAMES_AT, true) ~= nil
end

-- Names from a list, separated by commas.
function WaitId.split(list)
  if not string.find(list, ',', 1, true) then return { list } end
  local names = {}
  for name in string.gmatch(list, '[^,]+') do names[#names + 1] = name end
  return names
end

function WaitId.names(id)
  return WaitId.split(string.sub(id, NAMES_AT))
end
