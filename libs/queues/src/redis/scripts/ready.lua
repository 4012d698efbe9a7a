-- What can be received, in order: higher priority first, then the older one. Plain messages stand in a list a priority, in
-- the order in which they became ready for the first time; groups, messages that came back and those with a TTL of their
-- own stand in `ranked`, by their age.
-- @include state.lua
-- How many messages and groups became receivable in this script.
local fresh = 0
-- Messages that became ready, and groups that may have become runnable: placed when all else is done.
local listed, ranked, stirred = {}, {}, {}

local function come_back(token)
  ranked[#ranked + 1] = rank_of(token)
  ranked[#ranked + 1] = 'm' .. token
  fresh = fresh + 1
end

-- Ready for the first time.
local function arrive(token)
  if has_ttl(token) then return come_back(token) end
  local p = priority_of(token)
  listed[p] = listed[p] or {}
  table.insert(listed[p], token)
  fresh = fresh + 1
end

local function group_prefix(group) return struct.pack('>I2', #group) .. group end
local function group_member(group, token) return group_prefix(group) .. struct.pack('>I7', token) end

-- The oldest messages of a group that are not gone, as tokens.
local function group_tokens(group, count)
  local prefix = group_prefix(group)
  local members =
    call('ZRANGE', key('groups'), '[' .. prefix, '[' .. prefix .. '\255', 'BYLEX', 'LIMIT', 0, count)
  local tokens = {}
  for i, member in ipairs(members) do tokens[i] = (struct.unpack('>I7', member, #member - 6)) end
  return tokens
end

-- A group is runnable when none of its messages is in flight and its oldest is due.
local function offer(group)
  if call('HEXISTS', key('busy'), group) == 1 then return end
  local head = group_tokens(group, 1)[1]
  if not head or call('ZSCORE', key('delayed'), delayed_member(head)) then
    call('ZREM', key('ranked'), 'g' .. group)
    return
  end
  fresh = fresh + call('ZADD', key('ranked'), rank_of(head), 'g' .. group)
end

local function place_stirred()
  for p, tokens in pairs(listed) do
    call('RPUSH', key('r:' .. p), unpack(tokens))
    if bit.band(q.mask, bit.lshift(1, p)) == 0 then set('mask', bit.bor(q.mask, bit.lshift(1, p))) end
  end
  if #ranked > 0 then call('ZADD', key('ranked'), unpack(ranked)) end
  for group in pairs(stirred) do offer(group) end
  listed, ranked, stirred = {}, {}, {}
end

-- `count` messages of a group are no longer in flight.
local function leave_flight(group, count)
  if call('HINCRBY', key('busy'), group, -count) <= 0 then call('HDEL', key('busy'), group) end
  stirred[group] = true
end

local function any_ready() return q.mask ~= 0 or call('EXISTS', key('ranked')) == 1 end
