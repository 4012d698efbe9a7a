-- How the deliveries of a message ended without an ack: a line each, in JSON: ["n" nacked, "t" its time was over or "s" given back
-- unhandled, when in ms, handed out at in ms, node, reason, detail], null for what nobody knows.
-- An ack stands there, as "a", where results are kept.
-- Leaves: Attempts: UNKNOWN; line(how, facts), the last four of them as JSON; add(token, how, facts); of(token), text.
-- @include @redis/clock.lua
-- @include @redis/integer.lua
-- @include parts/queue.lua
local Attempts = { UNKNOWN = 'null,null,null,null' }
do
  local MOST, ENOUGH_BYTES = 20, 32768

  function Attempts.of(token) return redis.call('HGET', Queue.key('history'), token) or '' end

  function Attempts.line(how, facts) return '["' .. how .. '",' .. int(now) .. ',' .. facts .. ']\n' end

  function Attempts.add(token, how, facts)
    local lines = Attempts.of(token) .. Attempts.line(how, facts)
    local _, count = string.gsub(lines, '\n', '')
    while count > MOST or (count > 1 and #lines > ENOUGH_BYTES) do
      lines, count = string.sub(lines, string.find(lines, '\n', 1, true) + 1), count - 1
    end
    redis.call('HSET', Queue.key('history'), token, lines)
  end
end
