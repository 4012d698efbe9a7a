-- Processes of nodes, which hold waiting requests. The id of one is '<node id>~<random>'; several are separated by commas.
-- Leaves: Process
-- @include @redis/silence.lua
-- @include parts/name.lua
local Process = { LEASE_MS = 2500 }
-- Until when processes live, as far as this call asked; the clock by which that is judged, and the pulse that it was read from.
local lives, clock, pulse
each_call(function()
  lives, clock = nil, nil
end)

function Process.each(list)
  return string.gmatch(list, '[^,]+')
end

function Process.without(list, process)
  local rest = {}
  for each in Process.each(list) do
    if each ~= process then rest[#rest + 1] = each end
  end
  return table.concat(rest, ',')
end

function Process.node_of(process)
  return string.match(process, '^(.-)~')
end

-- The clock by which silence is judged, ms.
function Process.clock()
  if not clock then
    pulse = redis.call('GET', prefix .. 'pulse')
    clock = Silence.clock(pulse)
  end
  return clock
end

-- A process beats: the clock goes on. `holds`: it has requests, which are passed over when it is not known to live.
function Process.beat(process, holds)
  if holds then Process.hear(process, Process.LEASE_MS) end
  Process.clock()
  redis.call('SET', prefix .. 'pulse', Silence.pulse(pulse))
end

-- Until when a process was said to live, by that clock; 0 when it never was. One that was silent for LEASE_MS is taken for
-- dead: its requests are then passed over.
function Process.life_of(process)
  lives = lives or {}
  local life = lives[process]
  if not life then
    life = (redis.call('ZSCORE', prefix .. 'nodes', process) or 0) + 0
    lives[process] = life
  end
  return life
end

function Process.hear(process, ms)
  lives = lives or {}
  lives[process] = Process.clock() + ms
  redis.call('ZADD', prefix .. 'nodes', lives[process], process)
end

-- Until when one of these processes is known to live, ms; 0 when none does.
function Process.alive_until(list)
  local latest = 0
  for process in Process.each(list) do latest = math.max(latest, Process.life_of(process)) end
  return latest > Process.clock() and latest + now - Process.clock() or 0
end
