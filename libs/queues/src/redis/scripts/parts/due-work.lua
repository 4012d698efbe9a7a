-- What a queue does by itself when the time has come: bounded, and the same on every node that runs it.
-- Leaves: DueWork: run(), for a queue of which ALL is open: returns by how many ms each delayed message was late that it made ready.
-- @include @redis/happened.lua
-- @include parts/message.lua
-- @include parts/rate.lua
-- @include parts/trash.lua
-- @include parts/waiters.lua
local DueWork = {}
do
  -- At once, so that nobody waits for more than some milliseconds; the timers go on as soon as others had their turn. To make
  -- a plain delayed message ready costs a tenth of anything else.
  local CHEAP_PORTION, PORTION = 1000, 128
  local GROUPED_COST = CHEAP_PORTION / PORTION
  local MOST_WAKES = 256

  local function due_tokens(part)
    local tokens = redis.call('ZRANGE', Queue.key(part), '-inf', now, 'BYSCORE', 'LIMIT', 0, PORTION)
    for i = 1, #tokens do tokens[i] = tonumber(tokens[i]) end
    return tokens
  end

  local function promote_delayed()
    local due = redis.call('ZRANGE', Queue.key('delayed'), '-inf', now, 'BYSCORE', 'LIMIT', 0, CHEAP_PORTION, 'WITHSCORES')
    local members, tokens, late, cost = {}, {}, {}, 0
    if #due == 0 then return late end
    for i = 1, #due, 2 do
      if cost >= CHEAP_PORTION then break end
      local at = #tokens + 1
      members[at], tokens[at], late[at] = due[i], Token.from_member(due[i]), now - tonumber(due[i + 1])
      cost = cost + (Token.in_group(tokens[at]) and GROUPED_COST or 1)
    end
    redis.call('ZREM', Queue.key('delayed'), unpack(members))
    local tries, rescheduled = Tries.of(tokens), Marks.has(Marks.RESCHEDULED)
    for i, token in ipairs(tokens) do
      if Token.in_group(token) then
        Group.enter(Record.group(Record.of(token), token), token, false)
      elseif tries[i] or (rescheduled and Record.is_rescheduled(Record.of(token))) then
        Ready.requeue_first(token)
      else
        Ready.arrive(token)
      end
    end
    return late
  end

  -- More of each group may be in flight than before. `regroup`: 1 more than the cursor.
  local function offer_busy_groups()
    local from = Marks.has(Marks.GROUP_LIMIT) and Queue.get('regroup')
    if not from then return end
    local cursor, found = unpack(redis.call('HSCAN', Queue.key('busy'), int(from - 1), 'COUNT', PORTION))
    for i = 1, #found, 2 do Group.changed(found[i]) end
    Queue.set('regroup', cursor ~= '0' and cursor + 1 or nil)
  end

  local function end_timeouts()
    local tokens = due_tokens('inFlight')
    if #tokens == 0 then return end
    Flight.finish(unpack(tokens))
    happened('stalled', Queue.name(), nil, #tokens)
    for _, token in ipairs(tokens) do Message.fail(token, 't', nil, Attempts.UNKNOWN) end
  end

  local function end_ttls()
    for _, token in ipairs(due_tokens('expiring')) do
      Message.unplace(token)
      Message.expire(token, Record.of(token))
    end
  end

  -- Everything below `sweep` is gone or in flight. `sweepAt`: nothing above it is older.
  local function sweep_retention()
    local limit = now - q.retentionMs
    if q.live == 0 or q.sweepAt > limit then return end
    local seq, steps = q.sweep, 0
    while seq < q.seq and steps < PORTION do
      steps = steps + 1
      local bucket = Record.bucket(seq)
      local record = redis.call('HGET', bucket, Record.field(seq))
      if not record then
        if seq % Record.PER_BUCKET == 0 and redis.call('EXISTS', bucket) == 0 then seq = seq + Record.PER_BUCKET - 1 end
        seq = seq + 1
      else
        local at = Record.enqueued_at(record)
        if at > limit then
          Queue.set('sweepAt', at)
          break
        end
        local token = Token.of(seq, Record.flags(record))
        if not redis.call('ZSCORE', Queue.key('inFlight'), token) then
          Message.unplace(token)
          Message.expire(token, record)
        end
        seq = seq + 1
      end
    end
    if seq >= q.seq then
      seq = q.seq
      Queue.set('sweepAt', now)
    end
    if seq ~= q.sweep then Queue.set('sweep', seq) end
  end

  local function next_due()
    local at = math.huge
    local function consider(candidate)
      if candidate and candidate < at then at = candidate end
    end
    for _, part in ipairs({ 'delayed', 'inFlight', 'expiring' }) do
      consider(tonumber(redis.call('ZRANGE', Queue.key(part), 0, 0, 'WITHSCORES')[2]))
    end
    -- While all that is too old is in flight, the ends of its visibility timeouts come first.
    if q.live > 0 and q.sweep < q.seq then consider(math.max(now + 1, q.sweepAt + q.retentionMs)) end
    consider(Results.next_end())
    if Outbox.length() > 0 then consider(now + Outbox.RETRY_MS) end
    if q.rateMax and Ready.any() and Waiters.any() and Rate.allowance() < 1 then consider(Rate.room_at()) end
    if Trash.any() or (Marks.has(Marks.GROUP_LIMIT) and q.regroup) then consider(now) end
    return at < math.huge and at or nil
  end

  function DueWork.run()
    local late = promote_delayed()
    offer_busy_groups()
    end_timeouts()
    -- What these made ready may be over as well.
    Ready.place()
    end_ttls()
    sweep_retention()
    Results.end_due(PORTION)
    Trash.empty()
    Ready.place()
    if q.rateMax and Ready.any() then Ready.at_least(math.min(MOST_WAKES, Rate.allowance())) end
    Due.known(next_due())
    return late
  end
end
