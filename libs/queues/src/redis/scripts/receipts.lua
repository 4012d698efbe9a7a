-- Which of the receipts in ARGV stand for the newest delivery of a message that is still leased.
-- @include state.lua

-- Receipts start at ARGV[first], `width` arguments each, beginning with gen, token, delivery.
-- Returns index -> token of the valid ones; of equal receipts the first.
local function judge(first, width)
  local tokens, indices = {}, {}
  for i = first, #ARGV, width do
    local token = tonumber(ARGV[i + 1])
    if ARGV[i] == q.gen and token then
      tokens[#tokens + 1] = token
      indices[#indices + 1] = (i - first) / width + 1
    end
  end
  local valid, seen = {}, {}
  if #tokens == 0 then return valid end
  local ends = call('ZMSCORE', key('inFlight'), unpack(tokens))
  local tries = call('HMGET', key('tries'), unpack(tokens))
  for j, token in ipairs(tokens) do
    local delivery = tonumber(ARGV[first + (indices[j] - 1) * width + 2])
    if ends[j] and tonumber(ends[j]) > now and delivery == (tonumber(tries[j]) or 0) + 1 and not seen[token] then
      seen[token] = true
      valid[indices[j]] = token
    end
  end
  return valid
end

-- One character a receipt: '1' where it was valid, else '0'.
local function verdict(valid, count)
  local marks = {}
  for i = 1, count do marks[i] = valid[i] and '1' or '0' end
  return table.concat(marks)
end
