#!lua flags=allow-oom
-- A node takes up what a request that it holds was served with, and so may tell its caller.
-- KEYS 1 prefix of the shard
-- ARGV 1 channel prefix  2 run of the node  3 wait id  4 claim of the request
--      5 '1': leave the queue when there is nothing yet
-- Returns {'granted', record, end, limit, ...}  {'waiting'}  {'left'}  {'lost'}: served, but taken up too late
--         or {outcome}: why the wait ended, 'limit:<limit>', 'left' or 'session'.
-- Invariant: a lease is told only once it can no longer pass to somebody else.
-- @include queue.lua
local run, id, claim, leaving = ARGV[2], ARGV[3], ARGV[4], ARGV[5] == '1'
local lease, items = Wait.wanted(id)

local function take_up()
  local outcome = redis.call('HGET', P .. 'g:' .. run, id)
  if outcome then redis.call('HDEL', P .. 'g:' .. run, id) end
  if outcome and outcome ~= 'granted' then return { outcome } end
  if redis.call('HEXISTS', P .. 'w', id) == 1 then
    if not leaving then return { 'waiting' } end
    Wait.give_up(run, id, claim, false)
    return { 'left' }
  end
  local held = {}
  for _, n in ipairs(items) do
    local r, expiry = Lease.holding(Name.of(n), lease)
    if not r then return { leaving and 'left' or 'lost' } end
    held[#held + 1] = { st = Name.of(n), r = r, expiry = expiry }
  end
  local reply = { 'granted' }
  for _, each in ipairs(held) do
    Lease.tell(each.st, lease, each.r, claim)
    Lease.answer(reply, each.st, lease, Lease.ends(each.r, Lease.end_of(each.st, lease)))
  end
  return reply
end

local reply = take_up()
Name.save()
return reply
