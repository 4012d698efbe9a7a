#!lua flags=allow-oom
-- A node asserts what it knows to be held, in the instance that opens, in portions; and opens it when all nodes have done so.
-- KEYS 1 prefix of the shard
-- ARGV 1 node id  2 '1': with this portion all is told  3 '1': it knew the shard before this instance  4 the instance that
--      got the portions before, '' for none  5 the instance that it knew last, '' for none  6 its clock then, ms  7 ms since then
--      8 how many nodes may know of leases  their ids..., then of each item: its kind, number of its fields, fields (see
--      assertion.lua)
-- Returns {ms until the instance opens at the latest (1: not all is told), 0 when it is open, -1 when it is another one, instance,
--          1 when it is the one that the node knew, and time went on}
-- Invariants: a lease that was answered passes to nobody else before its end while a node that knows it tells; asserting again
--             changes nothing.
-- @include parts/assertion.lua
-- @include parts/instance.lua
-- @include @redis/opening.lua
local kinds = { session = Assertion.session, lease = Assertion.lease, ended = Assertion.ended, wait = Assertion.wait }

return function()
  local is_first = ARGV[3] ~= '1' and ARGV[8] == '1' and ARGV[9] == ARGV[1]
  local went_on = Instance.went_on(ARGV[5], ARGV[6], ARGV[7], is_first)
  local is_open = Instance.is_open()
  local instance = Instance.name()
  -- The portions before are lost: this one is not all that the node knows.
  if ARGV[4] ~= '' and ARGV[4] ~= instance then return { -1, instance, 0 } end
  Assertion.late = is_open
  local first = 9 + ARGV[8]
  local at = first
  while ARGV[at] do
    kinds[ARGV[at]](at + 2)
    at = at + 2 + ARGV[at + 1]
  end
  Name.save()
  Token.keep()
  if is_open then return { 0, instance, went_on and 1 or 0 } end
  -- Until a node has told all, nobody is known of whom the instance would have to wait for.
  if ARGV[2] ~= '1' then return { 1, instance, 0 } end
  Opening.tell(KEYS[1], ARGV[1], { unpack(ARGV, 9, first - 1) }, ARGV[3] == '1')
  return { Instance.open_when_told(), instance, 0 }
end
