-- Leaves the generation of a queue behind, with all its messages, in a time that does not depend on how many
-- there are: what is large is removed later, in portions.
-- Leaves: Trash: discard(), of the present generation; empty() a portion, true when there is more; any().
-- @include parts/record.lua
local Trash = {}
do
  local PARTS = { 'ranked', 'delayed', 'inFlight', 'expiring', 'groups', 'busy', 'tries', 'history', 'adopted', 'watched', 'progress', 'results', 'resultsEnd', 'unique', 'uniqueOf', 'turn', 'served' }
  local PORTION = 256

  function Trash.any() return redis.call('EXISTS', Queue.lasting_key('trash')) == 1 end

  function Trash.empty()
    local trash = Queue.lasting_key('trash')
    local entry = redis.call('LINDEX', trash, 0)
    if not entry then return false end
    local gen, low, high = string.match(entry, '^(%d+):(%d+):(%d+)$')
    local last = math.min(tonumber(high), low + PORTION - 1)
    for bucket = low, last do redis.call('UNLINK', Queue.lasting_key(gen .. ':b:' .. bucket)) end
    if last < tonumber(high) then
      redis.call('LSET', trash, 0, gen .. ':' .. int(last + 1) .. ':' .. high)
      return true
    end
    redis.call('LPOP', trash)
    return Trash.any()
  end

  function Trash.discard()
    for _, part in ipairs(PARTS) do redis.call('UNLINK', Queue.key(part)) end
    for p = 0, 9 do redis.call('UNLINK', Queue.key('r:') .. p) end
    if q.live > 0 then
      local low, high = math.floor(q.low / Record.PER_BUCKET), math.floor((q.seq - 1) / Record.PER_BUCKET)
      redis.call('RPUSH', Queue.lasting_key('trash'), q.gen .. ':' .. int(low) .. ':' .. int(high))
      Trash.empty()
    end
  end
end
