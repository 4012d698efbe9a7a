#!lua flags=allow-oom
-- Removes what can never be served again, and what is beyond the bounds, a bounded number of entries at a time.
-- KEYS 1 stem  2 what the caches of its shard share
-- ARGV 1 at most so many
-- Returns ms until there is more to do: 0 when there is now, -1 when nothing has an end, -2 when there is no such cache.
-- Invariant: a mark is forgotten only when no entry that it covers is left; a fill lease that is older is void then.
-- @include parts/eviction.lua
local LOOK_AGAIN_MS = 1000
-- Marks are kept for fill leases that are under way, unless there are many: a read looks at each length of prefixes.
local KEEP_MARKS_MS = 3600000
local MANY_TAGS, MANY_PREFIXES, MANY_LENGTHS = 10000, 1000, 16

local function remove_expired(limit)
  local over = redis.call('ZRANGE', Cache.stem .. ':index', '-inf', now, 'BYSCORE', 'LIMIT', 0, limit)
  for i = 1, #over do Entry.remove(over[i], Entry.look(over[i])) end
end

local function remove_garbage(garbage, limit)
  local upto = string.match(garbage, '%d+$') + 0
  local popped = redis.call('ZPOPMIN', garbage, limit)
  for i = 1, #popped, 2 do
    local key = popped[i]
    -- Where an earlier version stored it.
    redis.call('DEL', Cache.stem .. ':e:' .. key)
    local there = Entry.look(key)
    -- The key may have been written again after the flush.
    if there and there.version + 0 <= upto then
      redis.call('DEL', Entry.key(key))
      Register.forget_sharers('k' .. key)
      if not Cache.exists then
        for tag in string.gmatch(there.tags, '[^,]+') do Register.forget_sharers('t' .. tag) end
      end
    end
  end
  if redis.call('EXISTS', garbage) == 0 then redis.call('LPOP', Cache.stem .. ':garbage') end
end

local function newest_mark()
  local newest = 0
  for _, marks in ipairs({ Marks.tags(), Marks.prefixes() }) do
    local last = redis.call('ZRANGE', marks, 0, 0, 'REV', 'WITHSCORES')
    if last[2] then newest = math.max(newest, last[2]) end
  end
  return newest
end

-- A step of the pass over all entries that looks for those that a mark covers.
local function pass(cursor, limit)
  local sweeping = Marks.sweeping()
  local page = redis.call('ZSCAN', Cache.stem .. ':index', cursor, 'COUNT', limit)
  for i = 1, #page[2], 2 do
    local key = page[2][i]
    local there = Entry.look(key)
    if there and there.version + 0 <= Marks.newest(key, there.tags) then
      Entry.remove(key, there)
      Register.forget_sharers('k' .. key)
    end
  end
  if page[1] ~= '0' then
    redis.call('HSET', sweeping, 'cursor', page[1])
    return
  end
  local upto = redis.call('HGET', sweeping, 'upto')
  redis.call('HSET', sweeping, 'swept', upto)
  if newest_mark() > upto + 0 then
    redis.call('HSET', sweeping, 'cursor', '0', 'upto', int(Cache.version))
  else
    redis.call('HDEL', sweeping, 'cursor', 'upto')
  end
end

-- Forgets marks that no entry needs any more. Returns how many it forgot, and when the next may be, ms.
local function forget_marks(limit)
  local stem, tags, prefixes = Cache.stem, Marks.tags(), Marks.prefixes()
  local swept = (redis.call('HGET', Marks.sweeping(), 'swept') or 0) + 0
  local _, lengths = string.gsub(Cache.prefix_lengths, '%d+', '')
  local many = redis.call('ZCARD', tags) > MANY_TAGS or redis.call('ZCARD', prefixes) > MANY_PREFIXES
    or lengths > MANY_LENGTHS
  local upto = many and swept or math.min(swept, (now - KEEP_MARKS_MS) * 1000)
  local forgotten, next_at, newest = 0, math.huge, 0
  for _, marks in ipairs({ tags, prefixes }) do
    local old = redis.call('ZRANGE', marks, '-inf', upto, 'BYSCORE', 'LIMIT', 0, limit, 'WITHSCORES')
    for i = 1, #old, 2 do
      redis.call('ZREM', marks, old[i])
      forgotten, newest = forgotten + 1, math.max(newest, old[i + 1])
      if marks == prefixes and redis.call('HINCRBY', stem .. ':lengths', #old[i], -1) == 0 then
        redis.call('HDEL', stem .. ':lengths', #old[i])
      end
    end
    local first = redis.call('ZRANGE', marks, 0, 0, 'WITHSCORES')
    if first[2] then
      next_at = math.min(next_at, math.max(now + LOOK_AGAIN_MS, first[2] / 1000 + KEEP_MARKS_MS))
    end
  end
  if forgotten > 0 then
    Cache.set_prefix_lengths(table.concat(redis.call('HKEYS', stem .. ':lengths'), ','))
    redis.call('HSET', Marks.sweeping(), 'forgotten', int(math.max(newest, Marks.forgotten())))
  end
  return forgotten, next_at
end

local function sweep(limit)
  remove_expired(limit)
  local garbage = redis.call('LINDEX', Cache.stem .. ':garbage', 0)
  if garbage then
    remove_garbage(garbage, limit)
    return 0
  end
  if not Cache.exists then return -2 end
  local cursor = redis.call('HGET', Marks.sweeping(), 'cursor')
  if cursor then
    pass(cursor, limit)
    return 0
  end
  if not Eviction.make_room(limit) then return 0 end
  local forgotten, next_at = forget_marks(limit)
  if forgotten > 0 then return 0 end
  local first = redis.call('ZRANGE', Cache.stem .. ':index', 0, 0, 'WITHSCORES')
  if first[2] and first[2] ~= 'inf' then next_at = math.min(next_at, first[2]) end
  return next_at < math.huge and math.max(0, math.ceil(next_at - now)) or -1
end

return function()
  local left = sweep(ARGV[1] + 0)
  local due = Instance.shared .. ':due'
  if left < 0 then redis.call('ZREM', due, Cache.stem) else redis.call('ZADD', due, now + left, Cache.stem) end
  return left
end
