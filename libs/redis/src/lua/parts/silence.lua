-- The clock that measures how long nodes are silent. It stops while no node at all sends heartbeats, because no node could
-- reach Redis then. Each engine stores a pulse with its heartbeats and writes it at every heartbeat:
-- '<last heartbeat of any node, ms> <total time without heartbeats, ms>'.
-- Leaves: Silence.clock(pulse): this clock in ms; Silence.pulse(pulse): the next pulse to write; `pulse`: the stored one,
--         nil or false for none.
-- @include @redis/clock.lua
-- @include @redis/integer.lua
local Silence = {}
-- Heartbeat interval of nodes. If no node sent one for longer than the second value, Redis was unreachable.
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
