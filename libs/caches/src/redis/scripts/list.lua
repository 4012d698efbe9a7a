#!lua flags=no-writes
-- Lists entries, in no order. What is there from the first page to the last is listed; what comes or goes meanwhile may be. Their
-- order in Redis is that of a hash table, of which a step takes all that is in some buckets: more than a page, perhaps. Then
-- the next page takes the same step again, by the order of its keys.
-- KEYS 1 stem  2 what the caches of its shard share
-- ARGV 1 prefix  2 step ('0': the first)  3 last key of this step that was listed ('': none)  4 at most so many
-- Returns {step, last key, {key, version, bytes, expires at, ...}}; step '' at the end.
-- @include parts/entry.lua
local MOST_EXAMINED = 2000

local function take_step(step, prefix, after, limit)
  local page = redis.call('ZSCAN', Cache.stem .. ':index', step, 'COUNT', limit)
  local keys = {}
  for i = 1, #page[2], 2 do
    local key = page[2][i]
    if key > after and string.sub(key, 1, #prefix) == prefix then keys[#keys + 1] = key end
  end
  table.sort(keys)
  return keys, page[1], #page[2] / 2
end

local function describe(key, list)
  local entry = Entry.find(key)
  if not entry then return end
  list[#list + 1] = key
  list[#list + 1] = entry.version
  list[#list + 1] = redis.call('HSTRLEN', Entry.key(key), 'b')
  list[#list + 1] = int(entry.expires)
end

return function()
  local prefix, step, after, limit = ARGV[1], ARGV[2], ARGV[3], ARGV[4] + 0
  local list, examined = {}, 0
  repeat
    local keys, following, count = take_step(step, prefix, after, limit)
    for i = 1, #keys do
      if #list == limit * 4 then return { step, keys[i - 1] or after, list } end
      describe(keys[i], list)
    end
    step, after, examined = following, '', examined + count
    if step == '0' then return { '', '', list } end
  until #list == limit * 4 or examined >= MOST_EXAMINED
  return { step, '', list }
end
