-- Parked receivers stand in `w` by arrival as 'NODE#ID'. Whatever makes messages receivable takes as many of
-- them out and tells their nodes; nodes whose lease ran out are passed over.
-- @include state.lua
-- @include keep-line.lua
-- Takes a waiter out. Returns 1, or 0 when it was woken before.
local function leave_line(waiter)
  local left = call('ZREM', base .. 'w', waiter)
  if call('EXISTS', base .. 'w') == 0 then call('DEL', base .. 'wn') end
  return left
end

local function wake(count, prefix)
  if count <= 0 or q.paused == 1 then return end
  local lease = {}
  local by_node = {}
  local woken = 0
  while woken < count do
    local waiters = call('ZRANGE', base .. 'w', 0, math.min(count - woken, 256) - 1)
    if #waiters == 0 then break end
    call('ZREM', base .. 'w', unpack(waiters))
    for _, waiter in ipairs(waiters) do
      local node, id = string.match(waiter, '^(.-)#(.*)$')
      if lease[node] == nil then lease[node] = word_of(base, node) or 0 end
      if lease[node] > now then
        local ids = by_node[node] or {}
        ids[#ids + 1] = id
        by_node[node] = ids
        woken = woken + 1
      end
    end
  end
  if call('EXISTS', base .. 'w') == 0 then call('DEL', base .. 'wn') end
  for node, ids in pairs(by_node) do publish(prefix .. node, { queue = name, ids = ids }) end
end
