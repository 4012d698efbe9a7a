-- The way of a dead letter to another queue.
-- Leaves: WayBack: leads(record, to), where it goes, nil when it never was elsewhere; `to`: '' for where it came from;
--         post(token, record, to) of one that stands in no place any more.
-- @include parts/message.lua
local WayBack = {}

local function origin_of(record)
  local extra = Record.extra(record)
  local dead_letter = extra and extra.deadLetter
  return type(dead_letter) == 'table' and dead_letter.queue or nil
end

function WayBack.leads(record, to) return to ~= '' and to or origin_of(record) end

function WayBack.post(token, record, to)
  Outbox.post(token, record, to, 'redrive', 0)
  Message.forget(token, record, 'gone')
  Queue.add('acked', 1)
  Queue.add('unacked', -1)
end
