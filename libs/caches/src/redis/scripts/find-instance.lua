#!lua flags=allow-oom
-- Tells which instance this Redis is for a shard, and begins a new one when its data was lost, another process began the one
-- that the data tells of, this one was no primary meanwhile, or nodes used it that store caches in another form.
-- KEYS 1 text: its id
--      2 hash: run: of the process of Redis that began it; replication: the id under which it feeds replicas; open;
--        node: its id in a Redis Cluster; durable: '1' while nothing that it acknowledged can have been lost; carries: id of
--        the instance whose caches it carries on
--      3 the key of the versions (see parts/instance.lua)
--      4.. texts that shut out nodes which store caches in former forms: there they look for a hash, in each command
-- ARGV 1 run id of this process  2 its replication id  3 '1' when it has been the primary since it started
--      4 '1' when nothing that it acknowledges can be lost  5 id for a new instance
--      6 the largest version that the node has seen: the next ones are larger, though the data was lost
--      7 its id in a Redis Cluster ('' : none)
-- Returns {id, open}: 0 until every lease of the instance before is certainly over.
-- Invariant: two processes of Redis never share an instance, nor do two times of one as the primary. An instance that could
--            lose something, at any time of it, is not carried on: what matters is how it was kept itself, which stands in
--            its own data. Nor is one that another node of a Redis Cluster began, from which the slot has moved: nothing
--            tells whether all of its keys came along, and no older ones were here before. Nodes of two forms of the data
--            never serve at one time.
-- @include @redis/hybrid-clock.lua
return function()
  local run, replication, is_first, is_durable, new_id, seen, node = unpack(ARGV)
  HybridClock.bring(KEYS[3], seen + 0)
  HybridClock.keep(KEYS[3])
  local id = redis.call('GET', KEYS[1])
  for i = 4, #KEYS do
    if redis.call('TYPE', KEYS[i]).ok ~= 'string' then
      id = nil
      redis.call('SET', KEYS[i], 'Caches are stored in a newer form.')
    end
  end
  local known = id and redis.call('HMGET', KEYS[2], 'run', 'replication', 'open', 'durable', 'node') or {}
  -- A primary that was none meanwhile has another replication id; so has one whose first replica came, or whose last went.
  if id and known[1] == run and (known[2] == replication or is_first == '1') then
    redis.call('HSET', KEYS[2], 'replication', replication)
    if is_durable ~= '1' then redis.call('HSET', KEYS[2], 'durable', '0') end
    return { id, known[3] + 0 }
  end
  local is_here = (known[5] or '') == node
  local carries = known[4] == '1' and is_first == '1' and is_here and id or ''
  redis.call('SET', KEYS[1], new_id)
  redis.call('HSET', KEYS[2], 'run', run, 'replication', replication, 'open', 0, 'durable', is_durable,
    'node', node, 'carries', carries)
  return { new_id, 0 }
end
