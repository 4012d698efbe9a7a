-- Does one operation on an entry.
-- KEYS 1 stem
-- ARGV the operation, as in operations.lua
-- Returns its result, as in operations.lua.
-- Invariant: every change of an entry has a version of its own, larger than all before.
-- @include operations.lua
return apply(ARGV)
