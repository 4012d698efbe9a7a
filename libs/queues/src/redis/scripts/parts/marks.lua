-- Which things a queue keeps of some of its messages, so that calls need not look for them in a queue that keeps none: a bit
-- each in `marks` of the queue. A drained queue has no marks.
-- Leaves: Marks: the bits; has(mark), add(mark).
-- @include parts/queue.lua
-- TRIED: a delivery failed (parts/tries.lua). ADOPTED: it came from another queue (parts/identity.lua). RESCHEDULED: it was
-- given another delay or priority (parts/record.lua). WATCHED: a node waits for its end (parts/ended.lua).
local Marks = { TRIED = 1, ADOPTED = 2, RESCHEDULED = 4, WATCHED = 8 }

function Marks.has(mark)
  local marks = q.marks
  if marks == nil then marks = Queue.get('marks') end
  return marks and marks > 0 and bit.band(marks, mark) ~= 0
end

function Marks.add(mark)
  if not Marks.has(mark) then Queue.add('marks', mark) end
end
