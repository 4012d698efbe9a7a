#!lua flags=allow-oom
-- As operate.lua, for a Redis that is full: what holds a lease or a place goes on, what needs new memory is refused.
-- KEYS 1 prefix of the shard (see state.lua)
-- ARGV 1 channel prefix  2 run of the node, then of each operation: its kind, number of its fields, fields
-- Returns the answers of the operations, in their order.
local FULL = true
-- @include operations.lua
