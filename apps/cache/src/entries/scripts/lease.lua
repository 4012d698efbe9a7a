-- Reads an entry for callers that would compute it; gives one of them the fill lease when nobody has it.
-- KEYS 1 stem
-- ARGV 1 key  2 incarnation  3 fill number  4 largest value that it can hold, bytes  (as in fill.lua)
--      5 id for a lease  6 life of the lease, ms  7 tags that the value would have  8 node
--      9 '1': somebody waits when the lease is held  10 '1': somebody waits beside the one who may get it
-- Returns {'hit' | 'lease' | 'held', ms until the lease in force ends, what read.lua tells, name of that lease}.
-- Invariant: one lease a key at any moment; it is void after a write of the key or an invalidation that covers it.
-- @include read.lua
local key = ARGV[1]
local entry = find_entry(key)
local told = read(key, entry, ARGV[2], ARGV[3], ARGV[4])
if entry and not is_stale(entry) then return { 'hit', 0, told, '' } end

local function await_fill(ms)
  redis.call('SADD', stem .. ':w:' .. key, ARGV[8])
  redis.call('PEXPIRE', stem .. ':w:' .. key, ms + 1000)
end

local at = stem .. ':l:' .. key
local held = fill_lease_of(key)
if held then
  local left = redis.call('PTTL', at)
  if ARGV[9] == '1' then await_fill(left) end
  return { 'held', left, told, lease_name(held) }
end
-- Who waits for a lease that is void looks again now.
end_fill(key)
redis.call('SET', at, ARGV[5] .. ' ' .. string.format('%.0f', version) .. ' ' .. ARGV[7], 'PX', ARGV[6])
if ARGV[10] == '1' then await_fill(tonumber(ARGV[6])) end
return { 'lease', tonumber(ARGV[6]), told, lease_name(ARGV[5]) }
