#!lua
-- Acquires, renews and releases, one after the other. A Redis that is full refuses them before they begin: then
-- operate-full.lua does what can be done.
-- KEYS and ARGV as in operations.lua
-- Returns the answers of the operations, see operations.lua.
-- @include parts/open.lua
-- @include parts/operations.lua
return function()
  return Operations.run(false)
end
