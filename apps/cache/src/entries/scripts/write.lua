#!lua
-- Stores: what may make memory grow is refused as a whole while Redis is full.
-- @include prepare.lua
