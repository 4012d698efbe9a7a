-- Reads an entry for callers that would compute it; gives one of them the fill lease when nobody has it. Not in a full Redis,
-- which could not store what is computed: peek.lua.
-- KEYS 1 stem  2 the fill lease of the key  3 what the caches of its shard share
-- ARGV 1 key  2 incarnation  3 fill number  4 bytes that it has for this cache  5 '1': it may hold an absence  (as in
--      fill.lua)  6 id for a lease  7 time of the lease, ms  8 tags that the value would have  9 node
--      10 '1': a caller waits when the lease is held  11 '1': a caller waits beside the one that may get it
-- Returns {'hit' | 'lease' | 'held', ms until the lease in force ends, what Reading.reply says, name of that lease}.
-- Invariant: one lease a key at any moment; it is void after a write of the key or an invalidation that covers it.
-- @include parts/fill-lease.lua
-- @include parts/reading.lua
return function()
  local key, incarnation = ARGV[1], ARGV[2]
  local entry = Entry.find(key, true)
  local is_alive = Alive.has(incarnation)
  local is_cacheable = is_alive and Reading.share(key, entry, incarnation, ARGV[3], ARGV[4], ARGV[5])
  local reading = Reading.reply(entry, is_alive, is_cacheable)
  if entry and not Entry.is_stale(entry) then return { 'hit', 0, reading, '' } end

  local held, is_void = FillLease.of(key)
  if held then
    local left = redis.call('PTTL', FillLease.key(key))
    if ARGV[10] == '1' then FillLease.await(key, ARGV[9], left) end
    return { 'held', left, reading, FillLease.name(held) }
  end
  -- Those who wait for a lease that is void look again now.
  if is_void then FillLease.finish(key) end
  local ms = ARGV[7] + 0
  redis.call('SET', FillLease.key(key), ARGV[6] .. ' ' .. int(Cache.version) .. ' ' .. ARGV[8], 'PX', ms)
  if ARGV[11] == '1' then FillLease.await(key, ARGV[9], ms) end
  return { 'lease', ms, reading, FillLease.name(ARGV[6]) }
end
