-- Leaves the generation of a queue behind, with all its messages, in a time that does not depend on how many
-- there are: what is large is removed later, in portions.
-- @include due-work.lua
local PARTS = { 'ranked', 'delayed', 'inFlight', 'expiring', 'groups', 'busy', 'tries', 'history' }

local function discard()
  for _, part in ipairs(PARTS) do call('UNLINK', key(part)) end
  for p = 0, 9 do call('UNLINK', key('r:' .. p)) end
  if q.live > 0 then
    local low, high = math.floor(q.low / BUCKET), math.floor((q.seq - 1) / BUCKET)
    call('RPUSH', base .. 'trash', q.gen .. ':' .. string.format('%.0f:%.0f', low, high))
    empty_trash()
  end
end
