-- A client that was cut off finds its place, and what it was served with meanwhile, when it is back in time. It is held by
-- its absence: a process that lives until the client must be back, and never beats.
-- Leaves: Absence
-- @include parts/process.lua
local Absence = {}
local RETURN_MS, RETURN_STEP_MS = 2000, 250

-- Whether a request is held by an absence alone.
function Absence.is(processes)
  return string.byte(processes) == 64
end

function Absence.begin()
  local till = math.ceil((Process.clock() + RETURN_MS) / RETURN_STEP_MS) * RETURN_STEP_MS
  local process = '@' .. int(till)
  Process.hear(process, till - Process.clock())
  return process
end
