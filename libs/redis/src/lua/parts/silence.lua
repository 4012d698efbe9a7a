-- The clock by which the silence of nodes is judged. It stands still while no node at all is heard: nobody could show
-- that it lives while Redis was away. Each engine keeps a pulse beside what it judges, and writes it whenever a node is
-- heard: '<when a node was heard last, ms> <for how long none was, all times together, ms>'.
-- Leaves: Silence.clock(pulse), this clock in ms, and Silence.pulse(pulse), what to write; `pulse`: what was written last,
--         nil or false for nothing.
-- @include @redis/clock.lua
-- @include @redis/integer.lua
local Silence = {}
-- Nodes are heard this often. When none was for longer than the second, it was Redis that was away.
local BEAT_MS, MOST_SILENCE_MS = 500, 1500

function Silence.clock(pulse)
  if not pulse then return now end
  local last, away = string.match(pulse, '^(%d+) (%d+)$')
  local silence = now - last
  if silence > MOST_SILENCE_MS then return now - away - silence + BEAT_MS end
  return now - away
end

function Silence.pulse(pulse)
  return int(now) .. ' ' .. int(now - Silence.clock(pulse))
end
