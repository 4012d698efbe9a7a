-- A message that waits gets another record, under its number: its id stays, and its place in the order of its group.
-- Leaves: Rewrite: to(token, record, changed, due), `changed` by Record, `due` ms, nil for now; returns its new token; waiting(id, tail, delay),
--         see there.
-- @include parts/identity.lua
-- @include parts/message.lua
local Rewrite = {}

local function leave(token, record)
  Message.unplace(token)
  if Token.has_ttl(token) then redis.call('ZREM', Queue.key('expiring'), token) end
  if Token.in_group(token) then
    local group = Record.group(record, token)
    redis.call('ZREM', Queue.key('groups'), Group.member(group, token))
    Group.changed(group)
  end
end

local function enter(token, record, due)
  if Token.has_ttl(token) then
    local ends = Record.enqueued_at(record) + Record.ttl(record)
    redis.call('ZADD', Queue.key('expiring'), ends, token)
    Due.announce(ends)
  end
  if Token.in_group(token) then
    local group = Record.group(record, token)
    if Group.waits_there(due ~= nil) then redis.call('ZADD', Queue.key('groups'), 0, Group.member(group, token)) end
    Group.changed(group)
  end
  if due then
    redis.call('ZADD', Queue.key('delayed'), due, Token.member(token))
    Due.announce(due)
  elseif not Token.in_group(token) then
    Ready.requeue_first(token)
  end
end

function Rewrite.to(token, record, changed, due)
  leave(token, record)
  Marks.add(Marks.RESCHEDULED)
  local seq = Token.seq(token)
  redis.call('HSET', Record.bucket(seq), Record.field(seq), changed)
  Queue.add('bytes', #changed - #record)
  local to = Token.of(seq, Record.flags(changed))
  if to ~= token then Tries.move(token, to) end
  enter(to, changed, due)
  return to
end

-- The message of this id, when it waits and may have the content of another: `changed`, its record then; `growth` in bytes; when it is
-- `due`; how much time is `left` of it. nil when it is in flight, or gone.
function Rewrite.waiting(id, tail, delay)
  local token, record = Identity.find(id)
  if not token or Record.extra(record) or redis.call('ZSCORE', Queue.key('inFlight'), token) then return nil end
  Queue.get('retentionMs')
  local changed = Record.replace(record, tail)
  local left = Message.over_at(Token.of(Token.seq(token), Record.flags(changed)), changed) - now
  return {
    token = token, record = record, changed = changed, growth = #changed - #record,
    due = delay > 0 and now + delay or nil, left = left,
  }
end
