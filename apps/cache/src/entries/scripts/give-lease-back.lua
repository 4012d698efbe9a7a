-- Ends the fill lease of a caller that went away before it was told of it.
-- KEYS 1 stem
-- ARGV 1 key  2 id of the lease
-- @include end-fill.lua
local held = redis.call('GET', stem .. ':l:' .. ARGV[1])
if held and held:match('^%S+') == ARGV[2] then end_fill(ARGV[1]) end
return 1
