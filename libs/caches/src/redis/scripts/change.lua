#!lua flags=allow-oom
-- Deletes, invalidates and configures: also while Redis is full, since that is what makes room.
-- KEYS, ARGV and the reply: parts/write.lua
-- @include parts/write.lua
return Write.prepare
