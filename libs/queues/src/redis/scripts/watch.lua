#!lua flags=allow-oom
-- A node waits for messages to end, or asks how they ended.
-- KEYS 1 queue (see parts/queue.lua)
-- ARGV 1 node that is to be told of each end ('': nobody is)  then ids
-- Returns for each how it ended, as JSON, '' when nobody knows of an end; nil when there is no such queue.
-- @include parts/ended.lua
return function()
  if not Queue.open({ texts = 1, 'gen', 'marks' }) then return nil end
  local reply = {}
  for i = 2, #ARGV do
    local token = ARGV[1] ~= '' and Identity.find(ARGV[i])
    if token then Ended.watch(token, ARGV[1]) end
    reply[i - 1] = token and '' or Ended.how(ARGV[i]) or (ARGV[1] ~= '' and '{"state":"gone"}' or '')
  end
  Queue.save()
  return reply
end
