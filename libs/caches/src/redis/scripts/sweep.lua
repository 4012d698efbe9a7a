#!lua flags=allow-oom
-- Removes what can never be served again, and what is beyond the bounds, a bounded number of entries at a time.
-- KEYS 1 stem  2 what all caches share
-- ARGV 1 at most so many
-- Returns ms until there is more to do: 0 when there is now, -1 when nothing has an end, -2 when there is no such cache.
-- Invariant: a mark is forgotten only when no entry that it covers is left; a fill lease that is older is void then.
-- @include evict.lua
local LOOK_AGAIN_MS = 1000
-- Marks are kept for fill leases that are under way, unless there are many: a read looks at each length of prefixes.
local KEEP_MARKS_MS = 3600000
local MANY_TAGS, MANY_PREFIXES, MANY_LENGTHS = 10000, 1000, 16
local limit = tonumber(ARGV[1])
local tag_marks, prefix_marks = stem .. ':tag-marks', stem .. ':prefix-marks'

-- Its sharers dropped it, and only those who learn that it is absent come from now on.
local function forget_sharers(register)
  local at = c_key(register)
  if redis.call('HEXISTS', at, 'round') == 0 then redis.call('PEXPIRE', at, ABSENT_TTL_MS) end
end

local function remove_garbage(garbage)
  local upto = tonumber(string.match(garbage, '%d+$'))
  local popped = redis.call('ZPOPMIN', garbage, limit)
  for i = 1, #popped, 2 do
    local f = redis.call('HMGET', stem .. ':e:' .. popped[i], 'n', 'g')
    -- The key may have been written again after the flush.
    if f[1] and tonumber(f[1]) <= upto then
      redis.call('DEL', stem .. ':e:' .. popped[i])
      forget_sharers('k' .. popped[i])
      if not state.exists then
        for tag in string.gmatch(f[2], '[^,]+') do forget_sharers('t' .. tag) end
      end
    end
  end
  if redis.call('EXISTS', garbage) == 0 then redis.call('LPOP', stem .. ':garbage') end
end

local function newest_mark()
  local newest = 0
  for _, marks in ipairs({ tag_marks, prefix_marks }) do
    local last = redis.call('ZRANGE', marks, 0, 0, 'REV', 'WITHSCORES')
    if last[2] then newest = math.max(newest, tonumber(last[2])) end
  end
  return newest
end

-- A step of the pass over all entries that looks for those that a mark covers.
local function pass(cursor)
  local page = redis.call('ZSCAN', stem .. ':index', cursor, 'COUNT', limit)
  for i = 1, #page[2], 2 do
    local key = page[2][i]
    local f = redis.call('HMGET', stem .. ':e:' .. key, 'n', 'g')
    if f[1] and tonumber(f[1]) <= invalidated_at(key, f[2]) then
      remove(key)
      forget_sharers('k' .. key)
    end
  end
  if page[1] ~= '0' then
    redis.call('HSET', stem, 'sweeping', page[1])
    return
  end
  local upto = redis.call('HGET', stem, 'sweepingUpTo')
  redis.call('HSET', stem, 'swept', upto)
  if newest_mark() > tonumber(upto) then
    redis.call('HSET', stem, 'sweeping', '0', 'sweepingUpTo', exact(version))
  else
    redis.call('HDEL', stem, 'sweeping', 'sweepingUpTo')
  end
end

-- Forgets marks that no entry needs any more. Returns how many it forgot, and when the next may be, ms.
local function forget_marks()
  local swept = tonumber(redis.call('HGET', stem, 'swept') or '0')
  local _, lengths = string.gsub(prefix_lengths, '%d+', '')
  local many = redis.call('ZCARD', tag_marks) > MANY_TAGS or redis.call('ZCARD', prefix_marks) > MANY_PREFIXES
    or lengths > MANY_LENGTHS
  local upto = many and swept or math.min(swept, (now - KEEP_MARKS_MS) * 1000)
  local forgotten, next_at, newest = 0, nil, 0
  for _, marks in ipairs({ tag_marks, prefix_marks }) do
    local old = redis.call('ZRANGE', marks, '-inf', exact(upto), 'BYSCORE', 'LIMIT', 0, limit, 'WITHSCORES')
    for i = 1, #old, 2 do
      redis.call('ZREM', marks, old[i])
      forgotten, newest = forgotten + 1, math.max(newest, tonumber(old[i + 1]))
      if marks == prefix_marks and redis.call('HINCRBY', stem .. ':lengths', #old[i], -1) == 0 then
        redis.call('HDEL', stem .. ':lengths', #old[i])
      end
    end
    local first = redis.call('ZRANGE', marks, 0, 0, 'WITHSCORES')
    if first[2] then
      next_at = math.min(next_at or math.huge, math.max(now + LOOK_AGAIN_MS, first[2] / 1000 + KEEP_MARKS_MS))
    end
  end
  if forgotten > 0 then
    prefix_lengths = table.concat(redis.call('HKEYS', stem .. ':lengths'), ',')
    redis.call('HSET', stem, 'prefixLengths', prefix_lengths, 'forgotten', exact(math.max(newest, state.forgotten)))
  end
  return forgotten, next_at
end

local function sweep()
  local over = redis.call('ZRANGE', stem .. ':index', '-inf', now, 'BYSCORE', 'LIMIT', 0, limit)
  for _, key in ipairs(over) do remove(key) end
  local garbage = redis.call('LINDEX', stem .. ':garbage', 0)
  if garbage then
    remove_garbage(garbage)
    return 0
  end
  if not state.exists then return -2 end
  local cursor = redis.call('HGET', stem, 'sweeping')
  if cursor then
    pass(cursor)
    return 0
  end
  if not make_room(limit) then return 0 end
  local forgotten, next_at = forget_marks()
  if forgotten > 0 then return 0 end
  local first = redis.call('ZRANGE', stem .. ':index', 0, 0, 'WITHSCORES')
  if first[2] and first[2] ~= 'inf' then next_at = math.min(next_at or math.huge, tonumber(first[2])) end
  return next_at and math.max(0, math.ceil(next_at - now)) or -1
end

local left = sweep()
if LIFE then
  if left < 0 then redis.call('ZREM', shared .. ':due', stem) else redis.call('ZADD', shared .. ':due', exact(now + left), stem) end
end
return left
