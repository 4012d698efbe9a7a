-- Removes entries whose life is over, a bounded number at a time. They are not served before that either.
-- KEYS 1 stem
-- ARGV 1 at most so many
-- Returns ms until there is more to remove: 0 when there is now, -1 when no entry has an end.
-- @include operations.lua
local over = redis.call('ZRANGE', stem .. ':index', '-inf', now, 'BYSCORE', 'LIMIT', 0, ARGV[1])
for _, key in ipairs(over) do remove(key) end
local first = redis.call('ZRANGE', stem .. ':index', 0, 0, 'WITHSCORES')
if #first == 0 or first[2] == 'inf' then return -1 end
return math.max(0, tonumber(first[2]) - now)
