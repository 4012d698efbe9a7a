-- What operators are told of: it goes with the reply of the call to the node that called, which writes it down (event-log.ts). So it
-- costs no command, and what happened in a call that changed nothing is not told.
-- Leaves: happened(type, name, facts, count): `name`: of what it happened to, nil for none; `facts`: more fields, or nil; `count`: how
--         often, or nil for once. What is alike is one.
local MOST_HAPPENINGS = 100
-- Where each stands in `happenings`, once there are any in this call.
local happening_at

local function happened(type, name, facts, count)
  local told = facts or {}
  told.type, told.name = type, name
  local text = cjson.encode(told)
  if not happenings then happenings, happening_at = { '\1happened' }, {} end
  local at = happening_at[text]
  if not at and #happenings >= 2 * MOST_HAPPENINGS then
    text = '{"type":"omitted","of":"' .. type .. '"}'
    at = happening_at[text]
  end
  if not at then
    at = #happenings + 2
    happening_at[text], happenings[at - 1], happenings[at] = at, text, 0
  end
  happenings[at] = happenings[at] + (count or 1)
end
