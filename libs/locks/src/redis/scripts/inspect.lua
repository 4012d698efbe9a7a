#!lua flags=allow-oom
-- Shows one name as it is now.
-- KEYS 1 prefix of the shard
-- ARGV 1 name  2 most holders and waiters shown
-- Returns what Description.of says.
-- @include parts/open.lua
-- @include parts/description.lua
return function()
  local reply = Description.of(ARGV[1], ARGV[2] + 0)
  Name.save()
  return reply
end
