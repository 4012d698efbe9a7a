#!lua flags=allow-oom
-- A process takes up what a request that it holds was served with, and so may tell its client.
-- KEYS 1 prefix of the shard
-- ARGV 1 process id  2 wait id  3 claim of the request  4 '1': leave the queue when there is nothing yet
-- Returns {'granted', record, end, limit, ...}  {'waiting'}  {'left'}  {'lost'}: served, but taken up too late
--         or {outcome}: why the wait ended, 'limit:<limit>', 'deadlock:<JSON>', 'left' or 'session'.
-- Invariant: a lease is told only once it can no longer pass to somebody else.
-- @include parts/open.lua
-- @include parts/withdrawal.lua
local function take_up(process, id, claim, leaving)
  local outcomes = prefix .. 'g:' .. process
  local outcome = redis.call('HGET', outcomes, id)
  if outcome then redis.call('HDEL', outcomes, id) end
  if outcome and outcome ~= 'granted' then return { outcome } end
  if redis.call('HEXISTS', prefix .. 'w', id) == 1 then
    if not leaving then return { 'waiting' } end
    Withdrawal.give_up(process, id, claim, false)
    return { 'left' }
  end
  local lease_id, ids, records = WaitId.lease(id), WaitId.names(id), {}
  for i, each in ipairs(ids) do
    records[i] = Lease.holding(Name.of(each), lease_id)
    if not records[i] then return { leaving and 'left' or 'lost' } end
  end
  answered = 0
  answer('granted')
  for i, each in ipairs(ids) do Lease.tell(Name.of(each), lease_id, records[i], claim) end
  return all_answers()
end

return function()
  local reply = take_up(ARGV[1], ARGV[2], ARGV[3], ARGV[4] == '1')
  Name.save()
  return reply
end
