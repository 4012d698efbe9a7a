-- Raises the epoch and tells every node of the role. The clock is a floor, so that an epoch is never used
-- again, also after Redis lost its data.
local function raise_epoch(epoch_key, now, channel)
  local epoch = math.max(tonumber(redis.call('GET', epoch_key) or '0') + 1, now)
  redis.call('SET', epoch_key, string.format('%d', epoch))
  redis.call('PUBLISH', channel, cjson.encode({ pattern = channel, data = { epoch = epoch } }))
  return epoch
end
