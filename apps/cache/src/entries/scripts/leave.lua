-- Ends an incarnation that serves from its near cache no more: nobody waits for it.
-- KEYS 1 stem
-- ARGV 1 incarnation
-- Returns 1.
-- @include coherence.lua
bury(ARGV[1])
return 1
