-- Which of the receipts in ARGV stand for the newest delivery of a message that is still in flight for it.
-- Leaves: Receipts: valid(first, width, last), verdicts(verdicts, count), see there.
-- @include @redis/clock.lua
-- @include parts/tries.lua
local Receipts = {}

-- Receipts stand from ARGV[first] to ARGV[last], nil for the last of all, `width` arguments each, beginning with gen, token, delivery. Returns the tokens of the valid
-- ones, of equal receipts the first, and the indices of their receipts; and how many receipts there are.
function Receipts.valid(first, width, last)
  local asked, count = { nil }, 0
  for i = first + 1, last or #ARGV, width do
    count = count + 1
    asked[count] = ARGV[i]
  end
  local tokens, indices, n, seen = { nil }, { nil }, 0, nil
  if count == 0 then return tokens, indices, count end
  local ends = redis.call('ZMSCORE', Queue.key('inFlight'), unpack(asked))
  local tries = Tries.of(asked)
  for i = 1, count do
    local token, start = asked[i], first + (i - 1) * width
    if
      ends[i] and ends[i] + 0 > now and ARGV[start] == q.gen
      and ARGV[start + 2] + 0 == (tries[i] or 0) + 1 and not (seen and seen[token])
    then
      n = n + 1
      tokens[n], indices[n] = token, i
      if count > 1 then
        seen = seen or {}
        seen[token] = true
      end
    end
  end
  return tokens, indices, count
end

-- One character a receipt: '0' stale, else what it has in `verdicts`, by its index.
function Receipts.verdicts(verdicts, count)
  for i = 1, count do verdicts[i] = verdicts[i] or '0' end
  return table.concat(verdicts)
end
