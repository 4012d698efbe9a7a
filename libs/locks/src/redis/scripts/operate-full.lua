#!lua flags=allow-oom
-- As operate.lua, for a Redis that is full: what holds a lease or a place goes on, what needs new memory is refused.
-- KEYS and ARGV as in operations.lua
-- Returns the answers of the operations, see operations.lua.
-- @include parts/open.lua
-- @include parts/operations.lua
return function()
  return Operations.run(true)
end
