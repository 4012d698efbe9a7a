#!lua flags=allow-oom
-- Deletes, invalidates and configures: also while Redis is full, for it is what makes room.
-- @include prepare.lua
