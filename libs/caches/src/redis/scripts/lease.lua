-- Reads an entry for callers that would compute it; gives one of them the fill lease when nobody has it.
-- KEYS 1 stem  2 what all caches share
-- ARGV 1 key  2 incarnation  3 fill number  4 bytes that it has for this cache  5 '1': it may hold an absence  (as in
--      fill.lua)  6 id for a lease  7 life of the lease, ms  8 tags that the value would have  9 node
--      10 '1': somebody waits when the lease is held  11 '1': somebody waits beside the one who may get it
-- Returns {'hit' | 'lease' | 'held', ms until the lease in force ends, what read.lua tells, name of that lease}.
-- Invariant: one lease a key at any moment; it is void after a write of the key or an invalidation that covers it.
-- @include read.lua
local key = ARGV[1]
local entry = find_entry(key)
local told = read(key, entry, ARGV[2], ARGV[3], ARGV[4], ARGV[5])
if entry and not is_stale(entry) then return { 'hit', 0, told, '' } end

local function await_fill(ms)
  -- A full Redis does not remember the node, which looks by itself then.
  redis.pcall('SADD', stem .. ':w:' .. key, ARGV[9])
  redis.call('PEXPIRE', stem .. ':w:' .. key, ms + 1000)
end

local at = stem .. ':l:' .. key
local held = fill_lease_of(key)
if held then
  local left = redis.call('PTTL', at)
  if ARGV[10] == '1' then await_fill(left) end
  return { 'held', left, told, lease_name(held) }
end
-- Who waits for a lease that is void looks again now.
end_fill(key)
local set = redis.pcall('SET', at, ARGV[6] .. ' ' .. exact(version) .. ' ' .. ARGV[8], 'PX', ARGV[7])
if set.err then
  -- Redis is full: a stale value is still good, and what would be computed could not be stored.
  if entry then return { 'held', 1000, told, '' } end
  return redis.error_reply(set.err)
end
if ARGV[11] == '1' then await_fill(tonumber(ARGV[7])) end
return { 'lease', tonumber(ARGV[7]), told, lease_name(ARGV[6]) }
