-- The outcome of a write is kept for a minute: for a writer that waits, and for a caller that repeats it.
--   <scope>:r:<write id>  text  outcome, see operation.lua
-- Leaves: Outcome.keep(id, outcome); Outcome.find(id), nil for none
-- @include parts/cache.lua
local Outcome = {}
local KEPT_MS = 60000

function Outcome.keep(id, outcome)
  redis.call('SET', Cache.scope .. ':r:' .. id, cmsgpack.pack(outcome), 'PX', KEPT_MS)
end

function Outcome.find(id)
  local packed = redis.call('GET', Cache.scope .. ':r:' .. id)
  return packed and cmsgpack.unpack(packed) or nil
end
