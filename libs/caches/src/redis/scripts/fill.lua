-- Reads an entry, and lets the reader's near cache hold it when no write of it is under way. Not in a full Redis, which cannot
-- remember who holds what: peek.lua.
-- KEYS 1 stem  2 what the caches of its shard share
-- ARGV 1 key  2 incarnation ('' : holds nothing)  3 fill number  4 bytes that it has for this cache
--      5 '1': it may hold that there is no entry  6 bytes of the largest value that it takes ('' : any)
-- Returns what Reading.reply says.
-- Invariant: an incarnation that may hold a register is among its sharers before it is told the value.
-- @include parts/reading.lua
return function()
  local key, incarnation = ARGV[1], ARGV[2]
  local is_alive = Alive.has(incarnation)
  local entry, too_large = Reading.find(key, ARGV[6])
  local is_cacheable = is_alive and not too_large and
    Reading.share(key, entry, incarnation, ARGV[3], ARGV[4], ARGV[5])
  return Reading.reply(entry, is_alive, is_cacheable, too_large)
end
