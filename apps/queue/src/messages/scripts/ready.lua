-- What can be received, in order: higher priority first, then the older one. Plain messages stand in a list
-- a priority; groups and messages with a TTL of their own stand in `ranked`, from which they can be removed.
-- @include state.lua
-- How many messages and groups became receivable in this script.
local fresh = 0
-- Plain messages that go to the front, and groups that may have become runnable: placed when all else is done.
local front, stirred = {}, {}

local function mark(p)
  if bit.band(q.mask, bit.lshift(1, p)) == 0 then set('mask', bit.bor(q.mask, bit.lshift(1, p))) end
end

local function push(command, token)
  if has_ttl(token) then
    call('ZADD', key('ranked'), rank_of(token), 'm' .. token)
  else
    local p = priority_of(token)
    call(command, key('r:' .. p), token)
    mark(p)
  end
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
  if not head or call('ZSCORE', key('delayed'), head) then
    call('ZREM', key('ranked'), 'g' .. group)
    return
  end
  fresh = fresh + call('ZADD', key('ranked'), rank_of(head), 'g' .. group)
end

local function place_stirred()
  for i = #front, 1, -1 do push('LPUSH', front[i]) end
  for group in pairs(stirred) do offer(group) end
  front, stirred = {}, {}
end

-- `count` messages of a group are no longer in flight.
local function leave_flight(group, count)
  if call('HINCRBY', key('busy'), group, -count) <= 0 then call('HDEL', key('busy'), group) end
  stirred[group] = true
end

local function any_ready() return q.mask ~= 0 or call('EXISTS', key('ranked')) == 1 end
