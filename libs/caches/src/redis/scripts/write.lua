#!lua
-- Stores: what may make memory grow is refused as a whole while Redis is full.
-- KEYS, ARGV and the reply: prepare.lua
-- @include prepare.lua
