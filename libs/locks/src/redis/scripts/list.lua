#!lua flags=allow-oom
-- Shows a page of the names that are held or awaited, or of the awaited ones alone, in order.
-- KEYS 1 prefix of the shard
-- ARGV 1 least name, as ZRANGE BYLEX takes it  2 greatest name  3 size of the page
--      4 most holders and waiters shown of each  5 about how many bytes a page may have
--      6 '1': only those that are awaited
-- Returns {last name looked at, or '' when these were all, what Description.of says, ...}.
-- @include parts/open.lua
-- @include parts/description.lua
-- What the fields of a holder or a waiter add to what is kept of it.
local FIELDS_BYTES = 320

local function bytes_of(fields)
  local bytes = 0
  for _, field in ipairs(fields) do bytes = bytes + #tostring(field) + FIELDS_BYTES / 2 end
  return bytes
end

return function()
  local size, left, awaited = ARGV[3] + 0, ARGV[5] + 0, ARGV[6] == '1'
  local ids = redis.call('ZRANGE', prefix .. 'index', ARGV[1], ARGV[2], 'BYLEX', 'LIMIT', 0, size)
  local reply = { #ids == size and ids[size] or '' }
  for _, id in ipairs(ids) do
    local shown = Description.of(id, ARGV[4] + 0)
    local holders, waiters = shown[5], shown[6]
    -- Its last lease may just have ended.
    if #waiters > 0 or #holders > 0 and not awaited then
      reply[#reply + 1] = shown
      left = left - bytes_of(holders) - bytes_of(waiters)
    end
    if left <= 0 then
      reply[1] = id
      break
    end
  end
  Name.save()
  return reply
end
