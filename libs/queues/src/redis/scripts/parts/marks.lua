-- Which things a queue keeps of some of its messages, and which options it has, so that calls need not look for them in a queue that
-- has none: a bit each in `marks` of the queue. A queue without messages has those of its options only.
-- Leaves: Marks: the bits; has(mark), or any of a sum of them, add(mark); note_options(), as it is configured.
-- @include parts/queue.lua
-- TRIED: a delivery failed (parts/tries.lua). ADOPTED: it came from another queue (parts/identity.lua). RESCHEDULED: it was
-- given another delay or priority (parts/record.lua). WATCHED: a node waits for its end (parts/ended.lua). PROGRESS: its receiver told how
-- far it is (parts/progress.lua). UNIQUE: a deduplication id names it until it has ended (parts/deduplication.lua). GROUPS_MIXED: `groups` is not
-- as the present limit of groups has it, which was another one before (parts/group.lua).
-- Options: KEEPS_RESULTS (parts/results.lua); MESSAGE_LIMIT: other than the usual one (send.lua); FLIGHT_LIMIT (parts/flight.lua); GROUP_LIMIT: several
-- messages of a group may be in flight (parts/group.lua); FAIR (parts/turns.lua).
local Marks = {
  TRIED = 1, ADOPTED = 2, RESCHEDULED = 4, WATCHED = 8, PROGRESS = 16, UNIQUE = 32, GROUPS_MIXED = 64,
  KEEPS_RESULTS = 256, MESSAGE_LIMIT = 512, FLIGHT_LIMIT = 1024, GROUP_LIMIT = 2048, FAIR = Queue.FAIR_MARK,
}
do
  local OPTIONS = {
    keepResultsMs = Marks.KEEPS_RESULTS, maxMessageBytes = Marks.MESSAGE_LIMIT, maxInFlight = Marks.FLIGHT_LIMIT,
    maxInFlightPerGroup = Marks.GROUP_LIMIT, fair = Marks.FAIR,
  }

  function Marks.has(mark)
    local marks = q.marks
    if marks == nil then marks = Queue.get('marks') end
    return marks and marks > 0 and bit.band(marks, mark) ~= 0
  end

  function Marks.add(mark)
    if not Marks.has(mark) then Queue.add('marks', mark) end
  end

  function Marks.note_options()
    local marks = (Queue.get('marks') or 0) % Queue.FIRST_OPTION_MARK
    for field, mark in pairs(OPTIONS) do
      if Queue.get(field) then marks = marks + mark end
    end
    Queue.set('marks', marks)
  end
end
