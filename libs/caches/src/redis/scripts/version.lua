#!lua flags=no-writes
-- Tells the version of an entry, for the audit of near hits.
-- KEYS 1 stem  2 what the caches of its shard share
-- ARGV 1 key
-- Returns the version, nil when there is no such entry.
-- @include parts/entry.lua
return function()
  local entry = Entry.find(ARGV[1])
  return entry and entry.version
end
