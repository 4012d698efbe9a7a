#!lua flags=allow-oom
-- Removes what the other queue has taken over.
-- KEYS 1 outbox (`out` in parts/queue.lua)
-- ARGV 1 number of the last one taken over
-- Invariant: what was posted later stays.
return function()
  local last = tonumber(ARGV[1])
  while true do
    local entry = redis.call('LINDEX', KEYS[1], 0)
    if not entry or cmsgpack.unpack(entry) > last then return 0 end
    redis.call('LPOP', KEYS[1])
  end
end
