-- A queue as its scripts see it. All keys share the tag {queue:NAME}; KEYS[1] is the queue itself:
--   queue      hash   configuration, counters, and the secret that signs receipts; all that is left when drained
--   w, wn      zset, hash   parked receivers by arrival; nodes that wait -> end of their lease (keep-line.lua)
--   out        list   messages on their way to another queue, in order
--   trash      list   generations that wait for removal
--   rate       list   what the rate limit counts (rate.lua), with a TTL
--   redrive:.. string id of a step of a redrive -> how many it moved, with a TTL
-- and under the generation, which a purge changes:
--   b:N        hash   seq % 4096 -> record, for the 4,096 messages of bucket N
--   r:P        list   tokens that are ready, by priority P
--   ranked     zset   what is ready by its age: 'g' .. group, 'm' .. token that came back or has a TTL
--   delayed    zset   token, in 7 bytes that sort as the number does -> due, ms
--   inFlight   zset   token -> end of the lease, ms: the only record of being in flight
--   expiring   zset   token -> end of its own TTL, ms; not while in flight
--   groups     zset   group and token in lexicographic order: each message of a group until it is gone
--   busy       hash   group -> how many of its messages are in flight
--   tries      hash   token -> deliveries that ended without an ack: 1 for one that failed, 1,024 for one that was given back;
--   history    hash   token -> how and when the latest 20 failed
--   d:...      string deduplication id -> message id, with a TTL
--   acked:...  string deliveries that were acked (acknowledge.lua), with a TTL
--
-- A token is seq * 64 + priority * 4 + (2: has a group) + (1: has a TTL of its own).
-- A record is: 6 bytes enqueued at (ms), 1 byte flags (low nibble: priority; 16 group, 32 ttl, 64 extra),
-- [6 bytes ttl], [2 bytes length, group], [3 bytes length, extra], 3 bytes length, headers, body.
-- @include clock.lua
local BUCKET, TOKEN, RANK = 4096, 64, 2 ^ 49
local TEXTS = { gen = true, secret = true, deadLetterQueue = true }
local ALL = {
  'gen', 'deadLetterQueue', 'seq', 'live', 'bytes', 'sent', 'acked', 'expired', 'dead', 'mask', 'due', 'low',
  'sweep', 'sweepAt', 'paused', 'visibilityTimeoutMs', 'maxReceives', 'retentionMs', 'maxLength', 'maxBytes', 'backoffBase',
  'backoffFactor', 'backoffMax', 'rateMax', 'ratePer', 'rateUsed', 'outSeq',
}
local q, changed = {}, {}

-- Loads what a script needs of the queue, `gen` first; false when there is no queue.
local function open(fields)
  local values = call('HMGET', KEYS[1], unpack(fields))
  if not values[1] then return false end
  for i = 1, #fields do
    local field = fields[i]
    q[field] = TEXTS[field] and values[i] or tonumber(values[i])
  end
  return true
end

local function set(field, value)
  q[field] = value
  changed[field] = true
end

local function add(field, amount) set(field, q[field] + amount) end

local function key(part) return base .. q.gen .. ':' .. part end

local function seq_of(token) return math.floor(token / TOKEN) end
local function priority_of(token) return math.floor(token % TOKEN / 4) end
local function has_group(token) return token % 4 >= 2 end
local function has_ttl(token) return token % 2 == 1 end
local function rank_of(token) return (9 - priority_of(token)) * RANK + seq_of(token) end

local function delayed_member(token) return struct.pack('>I7', token) end
local function delayed_token(member) return (struct.unpack('>I7', member)) end

local function bucket_of(token) return key('b:' .. math.floor(token / TOKEN / BUCKET)) end
local function field_of(token) return seq_of(token) % BUCKET end
local function record_of(token) return call('HGET', bucket_of(token), field_of(token)) end

local function enqueued_at(record) return (struct.unpack('>I6', record)) end
local function ttl_of(record) return (struct.unpack('>I6', record, 8)) end
local function group_of(record, token) return (struct.unpack('>I2c0', record, has_ttl(token) and 14 or 8)) end

-- Writes what changed. A queue without messages keeps nothing but itself.
local function save()
  if changed.live and q.live == 0 and q.mask ~= 0 then
    for p = 0, 9 do
      if bit.band(q.mask, bit.lshift(1, p)) ~= 0 then call('UNLINK', key('r:' .. p)) end
    end
    set('mask', 0)
  end
  local values, n = {}, 0
  for field in pairs(changed) do
    values[n + 1], values[n + 2] = field, q[field] or ''
    n = n + 2
  end
  if n > 0 then call('HSET', KEYS[1], unpack(values)) end
end

local function publish(channel, data)
  call('PUBLISH', channel, cjson.encode({ pattern = channel, data = data }))
end
