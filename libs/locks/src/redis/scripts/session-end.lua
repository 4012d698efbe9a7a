#!lua flags=allow-oom
-- Ends a session: all its leases are released, its waiting requests end.
-- KEYS 1 prefix of the shard
-- ARGV 1 session id
-- Returns 1 ended; 0 there was none; 2 there is more to do.
-- @include parts/open.lua
-- @include parts/session.lua
return function()
  local ending = redis.call('ZSCORE', prefix .. 'sessions', ARGV[1])
  if not ending then return 0 end
  local is_alive = ending + 0 > now
  local more = Session.finish(ARGV[1], is_alive and 'released' or 'expired')
  Name.save()
  if more then return 2 end
  return is_alive and 1 or 0
end
