-- Reads an entry, and lets the reader's near cache hold it when no write of it is under way.
-- KEYS 1 stem  2 what all caches share
-- ARGV 1 key  2 incarnation ('' : holds nothing)  3 fill number  4 bytes that it has for this cache
--      5 '1': it may hold that there is no entry  6 largest value that it wants to be told, bytes ('' : any)
-- Returns what read.lua tells.
-- Invariant: who may hold a register is among its sharers before it is told the value.
-- @include read.lua
return read(ARGV[1], find_entry(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6]))
