#!lua
-- Acquires, renews and releases, one after the other: each as if it had come alone, written down together. A Redis that
-- is full refuses them before they begin: then operate_full.lua does what can be done.
-- KEYS 1 prefix of the shard (see state.lua)
-- ARGV 1 channel prefix  2 run of the node, then of each operation: its kind, number of its fields, fields
-- Returns the answers of the operations, in their order.
local FULL = false
-- @include operations.lua
