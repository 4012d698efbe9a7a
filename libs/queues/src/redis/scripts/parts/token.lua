-- A token stands for a message: seq * 64 + priority * 4 + (2: has a group) + (1: has a TTL of its own). So most commands need
-- not look at the record. Each takes a number or its text.
-- Leaves: Token: of(seq, flags of the record), texts(token, count), of that many messages that follow each other, seq(token), priority(token),
--         in_group(token), has_ttl(token), rank(token), and for `delayed` member(token), from_member(member).
-- @include @redis/integer.lua
local Token = {}
local PER_SEQ, PER_RANK = 64, 2 ^ 49

function Token.of(seq, flags)
  local token = seq * PER_SEQ + flags % 16 * 4
  if flags < 16 then return token end
  return token + (bit.band(flags, 16) ~= 0 and 2 or 0) + (bit.band(flags, 32) ~= 0 and 1 or 0)
end

-- To print a number costs more than all else that is done with it: what they have in common before their last three digits is printed once.
local three_digits = {}
function Token.texts(token, count)
  local texts, thousands = { int(token) }, nil
  for i = 2, count do
    token = token + PER_SEQ
    local low = token % 1000
    if low < PER_SEQ or not thousands then thousands = int((token - low) / 1000) end
    local last = three_digits[low]
    if not last then
      last = string.format('%03d', low)
      three_digits[low] = last
    end
    texts[i] = token < 1000 and int(token) or thousands .. last
  end
  return texts
end

function Token.seq(token)
  token = token + 0
  return (token - token % PER_SEQ) / PER_SEQ
end

function Token.priority(token) return (token % PER_SEQ - token % 4) / 4 end

function Token.in_group(token) return token % 4 >= 2 end

function Token.has_ttl(token) return token % 2 == 1 end

-- Less for what goes first: a higher priority, then an earlier message.
function Token.rank(token) return (9 - Token.priority(token)) * PER_RANK + Token.seq(token) end

function Token.member(token) return struct.pack('>I7', token) end

function Token.from_member(member) return (struct.unpack('>I7', member)) end
