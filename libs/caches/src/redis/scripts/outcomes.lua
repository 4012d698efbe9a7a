#!lua flags=no-writes
-- Looks up the outcomes of pending writes.
-- KEYS 1 stem  2 what the caches of its shard share
-- ARGV write ids
-- Returns for each its outcome, or an empty list while it is pending.
-- @include parts/outcome.lua
return function()
  local outcomes = {}
  for i = 1, #ARGV do outcomes[i] = Outcome.find(ARGV[i]) or {} end
  return outcomes
end
