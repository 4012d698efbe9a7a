-- How far the receiver of a message is, as it said last: JSON, kept until the message is gone. Its bytes are counted in `kept`.
-- Leaves: Progress: of(token), '' when nothing was said; set(token, value); forget(token).
-- @include parts/marks.lua
local Progress = {}
do
  local function stored(token) return Marks.has(Marks.PROGRESS) and redis.call('HGET', Queue.key('progress'), token) end

  function Progress.of(token) return stored(token) or '' end

  function Progress.set(token, value)
    Queue.add('kept', #value - #Progress.of(token))
    Marks.add(Marks.PROGRESS)
    redis.call('HSET', Queue.key('progress'), token, value)
  end

  function Progress.forget(token)
    local value = stored(token)
    if not value then return end
    Queue.add('kept', -#value)
    redis.call('HDEL', Queue.key('progress'), token)
  end
end
