-- A node with parked receivers is heard of: they keep their place for as long as it says so. `wn` has until when the word of
-- each node holds and, under '', when any of them was heard last.
-- @include clock.lua
-- What a dead node left behind goes by itself.
local LINE_KEPT_MS = 30000
-- Nodes speak twice a second. When none of them did for longer, it was Redis that was away: this time does not count.
local SILENCE_MS = 1500
-- A word that was given so lately need not be given again.
local FRESH_MS = 250

-- `line`: what the names of the queue's keys begin with. Returns until when the word of the node holds; nil when it gave none.
local function word_of(line, node)
  local heard, ends = unpack(call('HMGET', line .. 'wn', '', node))
  local silence = heard and now - heard or 0
  if silence <= SILENCE_MS then return tonumber(ends) end
  local words = call('HGETALL', line .. 'wn')
  for i = 2, #words, 2 do words[i] = string.format('%.0f', words[i] + silence) end
  call('HSET', line .. 'wn', unpack(words))
  return ends and ends + silence
end

local function keep_line(line, node, lease)
  local ends = word_of(line, node)
  if ends and ends - now > lease - FRESH_MS then return end
  call('HSET', line .. 'wn', node, now + lease, '', now)
  call('PEXPIRE', line .. 'wn', LINE_KEPT_MS)
  call('PEXPIRE', line .. 'w', LINE_KEPT_MS)
end

-- Puts a waiter in its place. Returns that: its arrival, which is now when there was none before.
local function park(waiter, arrival, lease)
  if arrival == '' then arrival = string.format('%.0f', tonumber(time[1]) * 1000000 + tonumber(time[2])) end
  call('ZADD', base .. 'w', arrival, waiter)
  keep_line(base, string.match(waiter, '^(.-)#'), lease)
  return arrival
end
