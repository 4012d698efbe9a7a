-- Owners as records have them: behind their realm, percent-encoded.
-- Leaves: Owner.as_given(owner): as the caller gave it
local Owner = {}

local function decode(hex)
  return string.char(tonumber(hex, 16))
end

function Owner.as_given(owner)
  return (string.gsub(string.match(owner, '[^/]*$'), '%%(%x%x)', decode))
end
