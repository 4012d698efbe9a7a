#!lua flags=allow-oom
-- Hands out messages that are ready, oldest of the highest priority first, each for the visibility timeout.
-- KEYS 1 queue (see state.lua)
-- ARGV 1 how many at most  2 visibility timeout, ms ('': the queue's)  3 waiter 'NODE#ID' to park when there is
--      nothing ('': none)  4 its arrival from an earlier call ('': it arrives now)  5 lease of its node, ms
--      6 prefix of the channels that wake nodes  7 channel of the node that runs the timers ('': the caller)
-- Returns {gen, secret, visible until, due in ms or -1, outbox length, arrival, token, failed deliveries, record, ...};
--         nil when there is no such queue.
-- Invariant: a message is in flight at most once; a group has one batch in flight.
-- @include clock.lua
-- @include keep-line.lua
-- The usual cases by themselves: plain messages of one priority, or none at all; nothing due, nobody else to tell. They
-- change nothing until they are sure; and Lua makes the functions of the general case, which cost more than all this,
-- only when it gets there.
do
  local gen, secret, mask, due, paused, visibility, rate = unpack(call('HMGET', KEYS[1],
    'gen', 'secret', 'mask', 'due', 'paused', 'visibilityTimeoutMs', 'rateMax'))
  if not gen then return nil end
  mask = tonumber(mask)
  local ends = now + (tonumber(ARGV[2]) or tonumber(visibility))
  local max = tonumber(ARGV[1])
  local one_priority = mask ~= 0 and bit.band(mask, mask - 1) == 0
  due = tonumber(due)
  if mask == 0 and not (due and due <= now) and call('EXISTS', base .. gen .. ':ranked') == 0 then
    local arrival = ARGV[3] == '' and '' or park(ARGV[3], ARGV[4], tonumber(ARGV[5]))
    return { gen, secret, ends, -1, 0, arrival }
  end
  if one_priority and paused == '0' and (rate or '') == '' and max <= 100 and ARGV[4] == ''
    and due and due > now and due <= ends and call('EXISTS', base .. gen .. ':ranked') == 0 then
    local list, p = base .. gen .. ':r:', 0
    while mask > 1 do
      mask, p = mask / 2, p + 1
    end
    list = list .. p
    local tokens = call('LRANGE', list, 0, max - 1)
    local count, size, complete = #tokens, 0, #tokens > 0
    local reply, leases, ends_text = { gen, secret, ends, -1, 0, '' }, {}, string.format('%.0f', ends)
    for i, token in ipairs(tokens) do
      reply[4 + 3 * i] = tonumber(token)
      -- The last one first: a short sorted set is a list, in which each then finds its place at once.
      local at = 2 * (count - i)
      leases[at + 1], leases[at + 2] = ends_text, token
    end
    local first = 1
    while first <= count do
      local bucket, fields, last = math.floor(reply[4 + 3 * first] / 262144), {}, first
      local low, high = bucket * 262144, (bucket + 1) * 262144
      while last <= count and reply[4 + 3 * last] >= low and reply[4 + 3 * last] < high do
        fields[last - first + 1] = math.floor((reply[4 + 3 * last] - low) / 64)
        last = last + 1
      end
      for i, record in ipairs(call('HMGET', base .. gen .. ':b:' .. bucket, unpack(fields))) do
        complete = complete and record
        size = size + (record and #record or 0)
        reply[3 + 3 * (first + i)] = record
      end
      first = last
    end
    if complete and size <= 2097152 then
      local tries = call('EXISTS', base .. gen .. ':tries') == 1 and call('HMGET', base .. gen .. ':tries', unpack(tokens)) or {}
      for i = 1, count do reply[5 + 3 * i] = tonumber(tries[i]) or 0 end
      call('LPOP', list, count)
      call('ZADD', base .. gen .. ':inFlight', unpack(leases))
      return reply
    end
  end
end

-- @include due-work.lua
-- @include take.lua
open({
  'gen', 'secret', 'live', 'bytes', 'expired', 'mask', 'due', 'paused', 'visibilityTimeoutMs', 'rateMax', 'ratePer', 'rateUsed',
})
local outbox = 0
if q.due and q.due <= now then
  open(ALL)
  do_due_work()
  outbox = call('LLEN', base .. 'out')
end

local visibility = tonumber(ARGV[2]) or q.visibilityTimeoutMs
local ends = now + visibility
local allowed = allowance()
if q.paused ~= 1 then take(math.min(tonumber(ARGV[1]), allowed)) end

local arrival = ARGV[4]
local reply = { q.gen, q.secret, ends, -1, outbox, '' }
if count > 0 then
  local leases, ttls = {}, {}
  for i, token in ipairs(taken) do
    leases[2 * i - 1], leases[2 * i] = ends, token
    if has_ttl(token) then ttls[#ttls + 1] = token end
  end
  call('ZADD', key('inFlight'), unpack(leases))
  if #ttls > 0 then call('ZREM', key('expiring'), unpack(ttls)) end
  local tries = call('HMGET', key('tries'), unpack(taken))
  for i, token in ipairs(taken) do
    local at = 4 + 3 * i
    reply[at], reply[at + 1], reply[at + 2] = token, tonumber(tries[i]) or 0, records[i]
  end
  announce(ends)
  if q.rateMax then spend(count) end
  if arrival ~= '' then leave_line(ARGV[3]) end
elseif ARGV[3] ~= '' then
  reply[6] = park(ARGV[3], arrival, tonumber(ARGV[5]))
  if q.rateMax and allowed < 1 and any_ready() then announce(room_at()) end
end
place_stirred()
wake(fresh - count, ARGV[6])
reply[4] = tell_due(ARGV[7])
save()
return reply
