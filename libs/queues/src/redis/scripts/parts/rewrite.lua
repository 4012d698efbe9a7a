-- A message that waits gets another record, under its number: its id stays, and its place in the order of its group.
-- Leaves: Rewrite: to(token, record, changed, due), `changed` by Record, `due` ms, nil for now; returns its new token.
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
