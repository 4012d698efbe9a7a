#!lua flags=allow-oom
-- Deletes, invalidates and configures: also while Redis is full, for it is what makes room.
-- KEYS, ARGV and the reply: prepare.lua
-- @include prepare.lua
