-- What is remembered of acks, for those that are repeated: a bit a message tells that a delivery of it was acked, in bitmaps by
-- bucket, number of the delivery, and the 5 minutes in which it was.
-- Leaves: Acked: remember(seq, delivery, numbers, first, last), for those of the numbers, in the bucket of that message;
--         was(gen, token, delivery).
-- @include @redis/clock.lua
-- @include @redis/integer.lua
-- @include parts/record.lua
local Acked = {}
do
  local REMEMBERED_MS = 300000
  -- A number of Lua holds so many bits exactly.
  local LONGEST_RUN = 52

  -- The name that was made last, and of what: most calls need it again.
  local gen_of_name, delivery_of_name, bucket_of_name, span_of_name, name, key_of_name, queue

  -- Returns its key, too. `ago`: 0 for the 5 minutes of now, 1 for those before.
  local function name_of(gen, seq, delivery, ago)
    local bucket, span = Record.bucket_number(seq), (now - now % REMEMBERED_MS) / REMEMBERED_MS - ago
    if bucket ~= bucket_of_name or span ~= span_of_name or delivery ~= delivery_of_name or gen ~= gen_of_name or queue ~= KEYS[1] then
      gen_of_name, delivery_of_name, bucket_of_name, span_of_name, queue = gen, delivery, bucket, span, KEYS[1]
      name = string.format('%s:acked:%s:%d:%d', gen, delivery, bucket, span)
      key_of_name = Queue.lasting_key(name)
    end
    return name, key_of_name
  end

  -- Sets bits. Those that follow each other are set by one number of as many bits.
  local function set_bits(key, numbers, first, last)
    if first == last then return redis.call('SETBIT', key, int(numbers[first]), '1') end
    local operations, n = {}, 0
    while first <= last do
      local number, length = numbers[first], 1
      while length < LONGEST_RUN and first + length <= last and numbers[first + length] == number + length do length = length + 1 end
      operations[n + 1], operations[n + 2], operations[n + 3], operations[n + 4] = 'SET', 'u' .. length, number, 2 ^ length - 1
      n, first = n + 4, first + length
    end
    redis.call('BITFIELD', key, unpack(operations))
  end

  function Acked.remember(seq, delivery, numbers, first, last)
    local remembering, key = name_of(q.gen, seq, delivery, 0)
    set_bits(key, numbers, first, last)
    if q.remembering ~= remembering then
      redis.call('PEXPIRE', key, 2 * REMEMBERED_MS)
      Queue.set('remembering', remembering)
    end
  end

  function Acked.was(gen, token, delivery)
    local seq = Token.seq(token)
    for ago = 0, 1 do
      local _, key = name_of(gen, seq, delivery, ago)
      if redis.call('GETBIT', key, Record.field(seq)) == 1 then return true end
    end
    return false
  end
end
