-- The version of an entry now, for the audit of near hits.
-- KEYS 1 stem  2 what all caches share
-- ARGV 1 key
-- Returns the version, nil when there is no such entry.
-- @include state.lua
local entry = find_entry(ARGV[1])
return entry and entry.version or nil
