#!lua
-- Configures the limit of a semaphore, and serves the requests that now fit.
-- KEYS 1 prefix of the shard
-- ARGV 1 name  2 limit  3 most holders and waiters shown
-- Returns what Description.of says.
-- Invariants: leases stay as they are; the limit holds for the next grants, until it is configured again or forgotten.
-- @include parts/open.lua
-- @include parts/description.lua
return function()
  local name = Name.of(ARGV[1])
  Queue.touch(name.id)
  name.limit, name.configured, name.changed = ARGV[2] + 0, true, true
  Queue.promote({ name.id })
  local reply = Description.of(name.id, ARGV[3] + 0)
  Name.save()
  return reply
end
