-- How a new Redis instance opens: nodes tell it what they know, and it opens when all have told that may know something. An
-- instance is one life of the process that is the primary: its run id, and its replication id, which changes at a promotion.
-- Keys behind a prefix:
--   expected  set: nodes that may know something     told  set: nodes that have told what they know
-- Leaves: Opening: instance(), the id of the present one, asked of Redis; forget(prefix); tell(prefix, node, others, knows_all),
--         a node has told all, and names others that may know something, `knows_all`: it is no newcomer, so there are no more;
--         left(prefix, since, follows), ms until it opens, after instance(); `follows`: the data is of an earlier one
-- @include @redis/clock.lua
local Opening = {}
do
  local OPENING_MS, KEPT_MS, BACK_WITHIN_S = 1500, 60000, 2
  local NO_NEWCOMER = 'no newcomer'
  local up_s

  function Opening.instance()
    local info = redis.call('INFO', 'server') .. redis.call('INFO', 'replication')
    up_s = string.match(info, 'uptime_in_seconds:(%d+)') + 0
    return string.match(info, 'run_id:(%w+)') .. ' ' .. string.match(info, 'master_replid:(%w+)')
  end

  function Opening.forget(prefix)
    redis.call('DEL', prefix .. 'expected', prefix .. 'told')
  end

  function Opening.tell(prefix, node, others, knows_all)
    local expected, told = prefix .. 'expected', prefix .. 'told'
    redis.call('SADD', told, node)
    -- A node id has no blank.
    if knows_all then redis.call('SADD', told, NO_NEWCOMER) end
    if #others > 0 then redis.call('SADD', expected, unpack(others)) end
    redis.call('PEXPIRE', told, KEPT_MS)
    redis.call('PEXPIRE', expected, KEPT_MS)
  end

  -- Nodes that only just started do not know of others that are on their way back. To a Redis without data these are back soon
  -- after it started; else nobody has been here before.
  function Opening.left(prefix, since, follows)
    local left = OPENING_MS - math.abs(now - since)
    if #redis.call('SDIFF', prefix .. 'expected', prefix .. 'told') > 0 then return left end
    if redis.call('SISMEMBER', prefix .. 'told', NO_NEWCOMER) == 1 then return 0 end
    return follows and left or math.min(left, (BACK_WITHIN_S - up_s) * 1000)
  end
end
