-- Looks up what pending writes came to.
-- KEYS 1 stem  2 what all caches share
-- ARGV write ids
-- Returns for each its result, or an empty list while it is pending.
-- @include coherence.lua
local results = {}
for i, id in ipairs(ARGV) do results[i] = result_of(id) or {} end
return results
