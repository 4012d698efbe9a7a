-- @include state.lua

-- A fill lease ends before its time; who waits for the fill looks again.
local function end_fill(key)
  if redis.call('DEL', stem .. ':l:' .. key) == 0 then return end
  for _, node in ipairs(redis.call('SMEMBERS', stem .. ':w:' .. key)) do
    tell(node, 'cache.filled', { stem = stem, key = key })
  end
  redis.call('DEL', stem .. ':w:' .. key)
end
