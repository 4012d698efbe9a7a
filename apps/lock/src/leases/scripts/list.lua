-- Shows a page of the names that are held or awaited, in order.
-- KEYS 1 prefix of the shard
-- ARGV 1 channel prefix  2 least name, as ZRANGE BYLEX takes it  3 greatest name  4 size of the page
--      5 most holders and waiters shown of each
-- Returns {last name looked at, or '' when these were all, {as inspect.lua}, ...}.
-- @include describe.lua
local size = tonumber(ARGV[4])
local names = redis.call('ZRANGE', P .. 'index', ARGV[2], ARGV[3], 'BYLEX', 'LIMIT', 0, size)
local reply = { #names == size and names[size] or '' }
for _, n in ipairs(names) do
  local shown = describe(n, tonumber(ARGV[5]))
  -- Its last lease may just have ended.
  if #shown[5] > 0 or #shown[6] > 0 then reply[#reply + 1] = shown end
end
Name.save()
return reply
