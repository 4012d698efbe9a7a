-- Removes what can never be served again, a bounded number of entries at a time.
-- KEYS 1 stem
-- ARGV 1 at most so many
-- Returns ms until there is more to remove: 0 when there is now, -1 when no entry has an end.
-- @include operations.lua
local limit = tonumber(ARGV[1])
local over = redis.call('ZRANGE', stem .. ':index', '-inf', now, 'BYSCORE', 'LIMIT', 0, limit)
for _, key in ipairs(over) do remove(key) end

local garbage = redis.call('LINDEX', stem .. ':garbage', 0)
if garbage then
  local popped = redis.call('ZPOPMIN', garbage, limit)
  for i = 1, #popped, 2 do
    local made = redis.call('HGET', stem .. ':e:' .. popped[i], 'n')
    -- The key may have been written again after the flush.
    if made and tonumber(made) <= flushed then redis.call('DEL', stem .. ':e:' .. popped[i]) end
  end
  if redis.call('EXISTS', garbage) == 0 then redis.call('LPOP', stem .. ':garbage') end
  return 0
end

local cursor = redis.call('HGET', stem, 'dirty')
if cursor then
  local page = redis.call('ZSCAN', stem .. ':index', cursor, 'COUNT', limit)
  for i = 1, #page[2], 2 do
    if not find_entry(page[2][i]) then remove(page[2][i]) end
  end
  if page[1] == '0' then redis.call('HDEL', stem, 'dirty') else redis.call('HSET', stem, 'dirty', page[1]) end
  return 0
end

local first = redis.call('ZRANGE', stem .. ':index', 0, 0, 'WITHSCORES')
if #first == 0 or first[2] == 'inf' then return -1 end
return math.max(0, tonumber(first[2]) - now)
