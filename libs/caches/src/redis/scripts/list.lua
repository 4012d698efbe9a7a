#!lua flags=no-writes
-- Lists entries, in no order.
-- KEYS 1 stem  2 what the caches of its shard share
-- ARGV 1 prefix  2 step  3 key after which the page begins  4 at most so many
-- Returns {step, key, of the next page, {key, version, bytes, expires at, ...}}; step '' at the end.
-- @include @redis/listing.lua
-- @include parts/entry.lua
return function()
  local prefix, list = ARGV[1], {}
  local step, after = Listing.page(Cache.stem .. ':index', ARGV[2], ARGV[3], ARGV[4] + 0, function(key)
    local entry = string.sub(key, 1, #prefix) == prefix and Entry.find(key)
    if not entry then return false end
    local at = #list
    list[at + 1], list[at + 2] = key, entry.version
    list[at + 3], list[at + 4] = entry.length, int(entry.expires)
    return true
  end)
  return { step, after, list }
end
