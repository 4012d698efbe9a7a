-- Reads an entry for a caller that would compute it; gives the caller the fill lease when nobody has it.
-- KEYS 1 stem
-- ARGV 1 key  2 incarnation  3 fill number  4 largest value that it can hold, bytes  (as in fill.lua)
--      5 id for a lease  6 life of the lease, ms  7 node  8 '1': the caller waits when somebody else has the lease
-- Returns {'hit' | 'lease' | 'held', ms until the lease in force ends, what read.lua tells}.
-- Invariant: one lease a key at any moment; it is void after a write of the key or an invalidation that covers it.
-- @include read.lua
local key = ARGV[1]
local entry = find_entry(key)
local told = read(key, entry, ARGV[2], ARGV[3], ARGV[4])
if entry and not is_stale(entry) then return { 'hit', 0, told } end

local at = stem .. ':l:' .. key
local left = redis.call('PTTL', at)
if left > 0 then
  if ARGV[8] == '1' then
    redis.call('SADD', stem .. ':w:' .. key, ARGV[7])
    redis.call('PEXPIRE', stem .. ':w:' .. key, left + 1000)
  end
  return { 'held', left, told }
end
redis.call('SET', at, ARGV[5] .. ' ' .. string.format('%.0f', version), 'PX', ARGV[6])
return { 'lease', tonumber(ARGV[6]), told }
