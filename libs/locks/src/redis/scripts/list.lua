#!lua flags=allow-oom
-- Shows a page of the names that are held or awaited, in order.
-- KEYS 1 prefix of the shard
-- ARGV 1 channel prefix  2 least name, as ZRANGE BYLEX takes it  3 greatest name  4 size of the page
--      5 most holders and waiters shown of each  6 about how many bytes a page may have
-- Returns {last name looked at, or '' when these were all, {as inspect.lua}, ...}.
-- @include describe.lua
-- What the fields of a holder or a waiter add to what is kept of it.
local FIELDS_BYTES = 320
local size, left = tonumber(ARGV[4]), tonumber(ARGV[6])
local names = redis.call('ZRANGE', P .. 'index', ARGV[2], ARGV[3], 'BYLEX', 'LIMIT', 0, size)
local reply = { #names == size and names[size] or '' }
for _, n in ipairs(names) do
  local shown = describe(n, tonumber(ARGV[5]))
  -- Its last lease may just have ended.
  if #shown[5] > 0 or #shown[6] > 0 then reply[#reply + 1] = shown end
  for _, part in ipairs({ shown[5], shown[6] }) do
    for _, field in ipairs(part) do left = left - #field - FIELDS_BYTES / 2 end
  end
  if left <= 0 then
    reply[1] = n
    break
  end
end
Name.save()
return reply
