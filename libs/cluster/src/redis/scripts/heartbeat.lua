#!lua flags=allow-oom
-- Renews a member, removes members that were silent for too long, and returns the changed membership.
-- KEYS as in parts/members.lua
-- ARGV 1 role  2 node id  3 incarnation  4 epoch that the node knows  5 silence limit, ms
-- Returns {epoch, member, member, ...}, without the members when the epoch is the known one;
--         nil when this incarnation is not a member: it is fenced.
-- Invariants: a fenced incarnation changes nothing; no member is removed for silence while Redis was unreachable.
-- @include @redis/happened.lua
-- @include parts/members.lua
return function()
  local role, node, incarnation = ARGV[1], ARGV[2], ARGV[3]
  local pulse, epoch = Members.state()
  -- It was a member when it was told of that epoch, and each change begins another one.
  if epoch ~= ARGV[4] and not Members.holds(node, incarnation) then return nil end
  local clock = Members.hear(node, pulse)
  local silent = Members.silent(clock, ARGV[5])
  if silent then
    redis.call('HDEL', KEYS[1], unpack(silent))
    redis.call('ZREM', KEYS[2], unpack(silent))
    epoch = Members.changed(role, ARGV[4])
    for _, each in ipairs(silent) do happened('fenced', nil, { member = each }) end
  end

  if epoch == ARGV[4] then return { epoch } end
  return { epoch, unpack(redis.call('HVALS', KEYS[1])) }
end
