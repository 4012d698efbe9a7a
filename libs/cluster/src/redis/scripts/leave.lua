#!lua flags=allow-oom
-- Removes a node from the membership at once, so that the others need not wait for its silence.
-- KEYS as in parts/members.lua
-- ARGV 1 role  2 node id  3 incarnation
-- Returns 1 when it left, 0 when this incarnation was not a member.
-- Invariant: a successor with the same id is never removed.
-- @include @redis/happened.lua
-- @include parts/members.lua
return function()
  local role, node, incarnation = ARGV[1], ARGV[2], ARGV[3]
  if not Members.holds(node, incarnation) then return 0 end
  redis.call('HDEL', KEYS[1], node)
  redis.call('ZREM', KEYS[2], node)
  Members.changed(role, 0)
  happened('left', nil, { member = node })
  return 1
end
