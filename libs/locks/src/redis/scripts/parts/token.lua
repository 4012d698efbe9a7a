-- Fencing tokens: those of a shard rise together, so a name that was forgotten has no smaller one after.
-- ARGV last: the largest token of the shard that the node has seen, 0 for none; it is removed from ARGV. It counts where Redis
-- does not have it: a replica was promoted that lacks the last writes, or all data was lost.
-- Leaves: Token.after(token): the next one, a number; Token.keep(): writes down what the node has seen, returns the ceiling
-- @include @redis/hybrid-clock.lua
-- @include parts/instance.lua
local Token = {}
local seen, is_brought
each_call(function()
  local last = #ARGV
  seen = ARGV[last]
  ARGV[last] = nil
  is_brought = false
end)

function Token.after(token)
  local key = Instance.clock()
  if not is_brought then
    HybridClock.bring(key, seen + 0)
    is_brought = true
  end
  return HybridClock.next(key, token)
end

function Token.keep()
  local key = Instance.clock()
  HybridClock.bring(key, seen + 0)
  return HybridClock.keep(key)
end
