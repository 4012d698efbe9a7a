#!lua flags=no-writes
-- Shows requests that wait, in no order, with those who hold what they wait for.
-- KEYS 1 prefix of the shard
-- ARGV 1 about how many at most
-- Returns {{owner, name, since in ms, {owner that holds it, ...}}, ...}, one for each name that a request waits for.
-- @include parts/obstacles.lua
local MOST_HOLDERS_SHOWN = 10

local function owners_of(name)
  local owners, known = {}, {}
  for _, holder in ipairs(Obstacles.holders(name)) do
    if not known[holder.owner] and #owners < MOST_HOLDERS_SHOWN then
      known[holder.owner] = true
      owners[#owners + 1] = holder.owner
    end
  end
  return owners
end

return function()
  local most, shown = ARGV[1] + 0, {}
  local page = redis.call('HSCAN', prefix .. 'w', '0', 'COUNT', most)[2]
  for i = 1, #page, 2 do
    local wait = #shown < most and Wait.find(page[i])
    -- One whose client went away waits for nobody but that client.
    if wait and wait.deadline > now and not Absence.is(wait.processes) then
      local since = math.floor(redis.call('ZSCORE', prefix .. 'q:' .. wait.names[1], wait.id) / 1000)
      for _, name in ipairs(wait.names) do shown[#shown + 1] = { wait.owner, name, since, owners_of(name) } end
    end
  end
  return shown
end
