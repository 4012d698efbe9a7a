-- For commands that run in an open instance only: in another one nothing is done but to begin it, and the nodes are told.
-- @include parts/instance.lua
each_call(function()
  if not Instance.is_open() then error({ err = 'OPENING nothing runs until the nodes have asserted their leases' }) end
end)
