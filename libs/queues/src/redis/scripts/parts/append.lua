-- Adds messages at the end of the queue, many in few writes.
-- Leaves: Append: add(record without its time, delay), returns seq; added() and bytes() so far; write(), which changes the queue and returns how many it added.
-- @include @redis/integer.lua
-- @include parts/due.lua
-- @include parts/ready.lua
-- @include parts/record.lua
local Append = {}
do
  local PER_BUCKET = Record.PER_BUCKET
  local added, bytes, time, buckets, records, size, delayed, expiring, members
  -- Plain messages of one priority that follow each other are listed together: that priority, and the seq of the first one.
  local priority_of_run, start_of_run
  each_call(function()
    added, bytes, time, buckets, records, priority_of_run = 0, 0, nil, nil, nil, nil
    delayed, expiring, members = nil, nil, nil
  end)

  function Append.added() return added end

  function Append.bytes() return bytes end

  -- `seq`: what follows the last one.
  local function end_run(seq)
    local tokens = Token.texts(Token.of(start_of_run, priority_of_run), seq - start_of_run)
    Ready.list(tokens, priority_of_run)
    priority_of_run = nil
  end

  local function push(list, first, second)
    if not list then return { first, second } end
    list[#list + 1] = first
    list[#list + 1] = second
    return list
  end

  function Append.add(tail, delay)
    local seq, flags = q.seq + added, string.byte(tail)
    local field = int(seq % PER_BUCKET)
    if not time then time = struct.pack('>I6', now) end
    local record = time .. tail
    if field == '0' or not records then
      records, size = { field, record }, 2
      buckets = push(buckets, Record.bucket(seq), records)
    else
      records[size + 1], records[size + 2] = field, record
      size = size + 2
    end
    added, bytes = added + 1, bytes + #record

    if flags < 16 and delay == 0 then
      if flags ~= priority_of_run then
        if priority_of_run then end_run(seq) end
        priority_of_run, start_of_run = flags, seq
      end
      return seq
    end
    if priority_of_run then end_run(seq) end
    local token = Token.of(seq, flags)
    if Token.has_ttl(token) then
      local ends = now + Record.ttl(record)
      expiring = push(expiring, ends, token)
      Due.announce(ends)
    end
    if Token.in_group(token) then
      local group = Record.group(record, token)
      if Group.waits_there(delay > 0) then members = push(members, '0', Group.member(group, token)) end
      Group.changed(group)
    end
    if delay > 0 then
      delayed = push(delayed, now + delay, Token.member(token))
      Due.announce(now + delay)
    elseif not Token.in_group(token) then
      Ready.arrive(token)
    end
    return seq
  end

  function Append.write()
    if added == 0 then return added end
    if priority_of_run then end_run(q.seq + added) end
    if q.live == 0 then
      Queue.set('low', q.seq)
      Queue.set('sweep', q.seq)
      Queue.set('sweepAt', now)
      Due.announce(now + Queue.get('retentionMs'))
    end
    if q.seq == 0 then Queue.make_table() end
    Queue.set('seq', q.seq + added)
    Queue.set('live', q.live + added)
    Queue.set('bytes', q.bytes + bytes)
    for i = 1, #buckets, 2 do redis.call('HSET', buckets[i], unpack(buckets[i + 1])) end
    if delayed then redis.call('ZADD', Queue.key('delayed'), unpack(delayed)) end
    if expiring then redis.call('ZADD', Queue.key('expiring'), unpack(expiring)) end
    if members then redis.call('ZADD', Queue.key('groups'), unpack(members)) end
    return added
  end
end
