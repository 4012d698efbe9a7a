-- Hands out messages that are ready, oldest of the highest priority first, each for the visibility timeout.
-- KEYS 1 queue (see state.lua)
-- ARGV 1 how many at most  2 visibility timeout, ms ('': the queue's)  3 waiter 'NODE#ID' to park when there is
--      nothing ('': none)  4 its arrival from an earlier call ('': it arrives now)  5 lease of its node, ms
--      6 prefix of the channels that wake nodes  7 channel of the node that runs the timers ('': the caller)
-- Returns {gen, secret, now, visible until, due in ms or -1, outbox length, arrival, token, failed deliveries, record, ...};
--         nil when there is no such queue.
-- Invariant: a message is in flight at most once; a group has one batch in flight.
-- @include due-work.lua
-- @include take.lua
if not open() then return nil end
if q.due and q.due <= now then do_due_work() end

local visibility = tonumber(ARGV[2]) or q.visibilityTimeoutMs
local ends = now + visibility
local allowed = allowance()
if q.paused ~= 1 then take(math.min(tonumber(ARGV[1]), math.floor(allowed))) end

local arrival = ARGV[4]
local reply = { q.gen, call('HGET', KEYS[1], 'secret'), now, ends, -1, 0, '' }
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
    local at = 5 + 3 * i
    reply[at], reply[at + 1], reply[at + 2] = token, tonumber(tries[i]) or 0, records[i]
  end
  announce(ends)
  if q.rateMax then spend(allowed, count) end
  if arrival ~= '' then leave_line(ARGV[3]) end
elseif ARGV[3] ~= '' then
  if arrival == '' then arrival = string.format('%.0f', tonumber(time[1]) * 1000000 + tonumber(time[2])) end
  call('ZADD', base .. 'w', arrival, ARGV[3])
  keep_line(string.match(ARGV[3], '^(.-)#'), tonumber(ARGV[5]))
  reply[7] = arrival
  if q.rateMax and allowed < 1 and any_ready() then
    announce(now + math.ceil((1 - allowed) * q.ratePer / q.rateMax))
  end
end
place_stirred()
wake(fresh - count, ARGV[6])
reply[5] = tell_due(ARGV[7])
save()
reply[6] = call('LLEN', base .. 'out')
return reply
