-- Writes what may make memory grow: refused as a whole while Redis is full.
-- KEYS, ARGV and the reply: parts/write.lua
-- @include parts/write.lua
return Write.prepare
