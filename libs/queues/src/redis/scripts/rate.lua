-- The rate limit of a queue: in no window of `ratePer` ms more than `rateMax` are handed out. A log of what was handed out
-- within the last `ratePer` ms says exactly how much room there is (a sliding window log, as networks police traffic by).
-- So that it stays short, what was handed out within one part of PARTS of a window is one entry, 'first:last:count', and
-- counts until its last instant has left the window: less than one part longer than need be, never shorter.
-- @include state.lua
local PARTS = 128
local log = base .. 'rate'

local function logged(index)
  local first, last, count = string.match(call('LINDEX', log, index) or '', '^(%d+):(%d+):(%d+)$')
  return tonumber(first), tonumber(last), tonumber(count)
end

-- When what was handed out at `last` has left every window: milliseconds are cut off, so one more.
local function leaves_at(last) return last + q.ratePer + 1 end

-- Receives allowed now.
local function allowance()
  if not q.rateMax then return math.huge end
  local _, last, count = logged(0)
  q.rateUsed = q.rateUsed or 0
  while last and leaves_at(last) <= now do
    call('LPOP', log)
    add('rateUsed', -count)
    _, last, count = logged(0)
  end
  if not last and q.rateUsed > 0 then set('rateUsed', 0) end
  return math.max(0, q.rateMax - q.rateUsed)
end

-- When more is allowed than now.
local function room_at()
  local _, last = logged(0)
  return last and leaves_at(last) or now
end

local function spend(count)
  local first, _, spent = logged(-1)
  if first and now - first < q.ratePer / PARTS then
    call('LSET', log, -1, string.format('%.0f:%.0f:%.0f', first, now, spent + count))
  else
    call('RPUSH', log, string.format('%.0f:%.0f:%.0f', now, now, count))
  end
  call('PEXPIRE', log, q.ratePer + 1000)
  add('rateUsed', count)
end
