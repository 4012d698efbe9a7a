-- The rate limit of a queue: in no window of `ratePer` ms more than `rateMax` are handed out. A log of what was handed out
-- within the last `ratePer` ms says exactly how much room there is (a sliding window log, as networks police traffic by).
-- So that it stays short, what was handed out within one part of PARTS of a window is one entry, 'first:last:count', and
-- counts until its last instant has left the window: less than one part longer than need be, never shorter.
-- Leaves: Rate: allowance() now, room_at() when more is allowed than now, spend(count).
-- @include @redis/clock.lua
-- @include @redis/integer.lua
-- @include parts/queue.lua
local Rate = {}
do
  local PARTS = 128

  local function logged(index)
    local entry = redis.call('LINDEX', Queue.lasting_key('rate'), index) or ''
    local first, last, count = string.match(entry, '^(%d+):(%d+):(%d+)$')
    return tonumber(first), tonumber(last), tonumber(count)
  end

  -- When what was handed out at `last` has left every window: milliseconds are cut off, so one more.
  local function leaves_at(last) return last + Queue.get('ratePer') + 1 end

  function Rate.allowance()
    if q.rateMax == nil then Queue.get('rateMax') end
    if not q.rateMax then return math.huge end
    local _, last, count = logged(0)
    while last and leaves_at(last) <= now do
      redis.call('LPOP', Queue.lasting_key('rate'))
      Queue.add('rateUsed', -count)
      _, last, count = logged(0)
    end
    local used = Queue.get('rateUsed') or 0
    if not last and used > 0 then
      used = 0
      Queue.set('rateUsed', used)
    end
    return math.max(0, q.rateMax - used)
  end

  function Rate.room_at()
    local _, last = logged(0)
    return last and leaves_at(last) or now
  end

  function Rate.spend(count)
    local log = Queue.lasting_key('rate')
    local first, _, spent = logged(-1)
    if first and now - first < Queue.get('ratePer') / PARTS then
      redis.call('LSET', log, -1, int(first) .. ':' .. int(now) .. ':' .. int(spent + count))
    else
      redis.call('RPUSH', log, int(now) .. ':' .. int(now) .. ':' .. int(count))
    end
    redis.call('PEXPIRE', log, Queue.get('ratePer') + 1000)
    Queue.add('rateUsed', count)
  end
end
