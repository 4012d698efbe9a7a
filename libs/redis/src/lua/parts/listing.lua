-- Pages of a sorted set whose members are in no order that a page could begin after. What is there from the first page to the
-- last is listed; what comes or goes meanwhile may be, and may be twice. Redis walks its hash table in steps, each of which takes
-- all that is in some buckets: more than a page, perhaps. Then the next page takes the same step again, by the order of its members.
-- Leaves: Listing.page(key, step, after, limit, show): calls show(member) until it returned true `limit` times or enough were
--         looked at; returns where the next page begins: step and member, step '' at the end. The first begins at '0' and ''.
--         The member is one that was shown: others may be nothing for whoever sees the page.
local Listing = {}
local MOST_EXAMINED = 2000
-- The same for all pages, whatever their limits: a step that is taken again must take the same buckets.
local STEP = 100

local function take_step(key, step, after)
  local page = redis.call('ZSCAN', key, step, 'COUNT', STEP)
  local members = {}
  for i = 1, #page[2], 2 do
    if page[2][i] > after then members[#members + 1] = page[2][i] end
  end
  table.sort(members)
  return members, page[1], #page[2] / 2
end

function Listing.page(key, step, after, limit, show)
  local shown, examined = 0, 0
  repeat
    local members, following, count = take_step(key, step, after)
    for i = 1, #members do
      if shown == limit then return step, after end
      if show(members[i]) then shown, after = shown + 1, members[i] end
    end
    step, after, examined = following, '', examined + count
    if step == '0' then return '', '' end
  until shown == limit or examined >= MOST_EXAMINED
  return step, ''
end
