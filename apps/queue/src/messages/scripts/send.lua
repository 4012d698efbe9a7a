-- Takes messages in, all or none.
-- KEYS 1 queue (see state.lua)
-- ARGV 1 prefix of the channels that wake nodes  2 channel of the node that runs the timers ('': the caller)
--      3 how long deduplication ids are remembered, ms
--      then for each message: its record without the time, delay in ms, hash of its deduplication id or ''
-- Returns {gen, due in ms or -1, seq or (deduplicated) the id of the first one, ...};
--         {'full', 'maxLength' or 'maxBytes'}; {'delay', index, retention in ms} when it would be over before it is due;
--         nil when there is no such queue.
-- Invariant: a deduplication id names one message for as long as it is remembered.
-- @include append.lua
-- @include wake.lua
if not open() then return nil end

local FIRST = 4
local reply, kept = { q.gen, -1 }, {}
local seen = {}
local bytes = 0
for i = FIRST, #ARGV, 3 do
  local index = (i - FIRST) / 3
  local dedup = ARGV[i + 2]
  local original = dedup ~= '' and (seen[dedup] or call('GET', base .. 'd:' .. q.born .. ':' .. dedup))
  if original then
    reply[index + 3] = original
  else
    if tonumber(ARGV[i + 1]) >= q.retentionMs then return { 'delay', index, q.retentionMs } end
    local seq = q.seq + #kept
    if dedup ~= '' then seen[dedup] = q.gen .. '-' .. seq end
    reply[index + 3] = seq
    kept[#kept + 1] = i
    bytes = bytes + #ARGV[i] + 6
  end
end
if q.maxLength and q.live + #kept > q.maxLength and #kept > 0 then return { 'full', 'maxLength' } end
if q.maxBytes and q.bytes + bytes > q.maxBytes and #kept > 0 then return { 'full', 'maxBytes' } end

for _, i in ipairs(kept) do append(ARGV[i], tonumber(ARGV[i + 1])) end
write_appended()
for dedup, id in pairs(seen) do
  call('SET', base .. 'd:' .. q.born .. ':' .. dedup, id, 'PX', ARGV[3])
end
add('sent', #kept)
wake(fresh, ARGV[1])
reply[2] = tell_due(ARGV[2])
save()
return reply
