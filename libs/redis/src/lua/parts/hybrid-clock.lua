-- A hybrid clock: numbers for tokens and versions. Each is larger than every one before, also when Redis' clock was set back or
-- what a number was given to is forgotten; while that clock goes right a number is its time in microseconds.
-- The key of the clock keeps a ceiling: no number is larger. The library knows the last number itself, so the ceiling has head
-- room, and a second of numbers needs one write. The last number is lost with the process: then the next one is above the ceiling.
-- A ceiling that another library wrote, or none (a script remembers nothing), is treated alike: so head room is counted from
-- Redis' clock and does not add up.
-- Leaves: HybridClock.next(key, least, text): a number larger than `least` and than all before; one key a call; `text`: what stood
--         there when the call began, nil when nobody read it
--         HybridClock.bring(key, number): of a node that saw it given: the next ones are larger. Nothing is written yet.
--         HybridClock.keep(key, text): writes down what was brought, and returns the ceiling
--         HybridClock.is_own(key): whether this library wrote the ceiling, and no other since; HybridClock.disown(key): ends that
-- Invariant: whatever happens to the clock of Redis, numbers of a key rise as long as its data is kept.
-- @include @redis/clock.lua
-- @include @redis/integer.lua
local HybridClock = {}
local HEAD_ROOM_US, MOST_KNOWN = 1000000, 256
-- By key: `last` number given; `wrote`: the ceiling as this library wrote it, '' once another stands there; `ceiling`: as a number.
local clocks, clock_count = {}, 0
-- The clock of this call, once it was read.
local current
each_call(function()
  current = nil
end)

local function read_clock(key, text)
  current = clocks[key]
  if not current then
    if clock_count == MOST_KNOWN then clocks, clock_count = {}, 0 end
    current = { last = 0, wrote = '', ceiling = 0 }
    clocks[key], clock_count = current, clock_count + 1
  end
  if text == nil then text = redis.call('GET', key) end
  current.is_own = text == current.wrote
  if not current.is_own then
    current.wrote, current.ceiling = '', (text or 0) + 0
    if current.last < current.ceiling then current.last = current.ceiling end
  end
  return current
end

local function set_ceiling(key, clock, ceiling)
  clock.wrote, clock.ceiling = int(ceiling), ceiling
  redis.call('SET', key, clock.wrote)
end

function HybridClock.next(key, least, text)
  local clock = current or read_clock(key, text)
  local number, least_number = clock.last, least + 0
  if number < least_number then number = least_number end
  number = number < micros and micros or number + 1
  if number > clock.ceiling then
    set_ceiling(key, clock, clock.is_own and math.max(number, micros + HEAD_ROOM_US) or number)
  end
  clock.last = number
  return number
end

function HybridClock.bring(key, number)
  local clock = current or read_clock(key)
  -- Below the ceiling it is known already.
  if number > clock.ceiling and number > clock.last then clock.last = number end
end

function HybridClock.keep(key, text)
  local clock = current or read_clock(key, text)
  if clock.last > clock.ceiling then set_ceiling(key, clock, clock.last) end
  return clock.ceiling
end

function HybridClock.is_own(key)
  return (current or read_clock(key)).is_own
end

function HybridClock.disown(key)
  local clock = current or read_clock(key)
  clock.last = math.max(clock.last, clock.ceiling) + 1
  set_ceiling(key, clock, clock.last)
  clock.wrote, clock.is_own = '', false
end
