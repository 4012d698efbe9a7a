-- An entry.
--   <stem>:e:<key>  hash  n version, b bytes, l how many bytes, c content type, w written at, x expires at, s stale until, g tags
-- Leaves: Entry.key(key), where it lies
--         Entry.find(key, with_bytes): the entry that may be served, nil when there is none; and the version of what lies
--         under the key, valid or not, nil for nothing, and how many bytes that has
--         Entry.is_stale(entry)
--         Entry.size(key, version, length), bytes that count for the cache; `version` and `length`: of what lies there; without
--         `length` it is looked up
--         Entry.store(key, former, version, length, fields), the version that it gets; `former`: the entry that may be served
--         until now, nil for none; Entry.remove(key, version, length)
--         Entry.live_until(key, expires, stale_until), one that is there
-- @include parts/marks.lua
local Entry = {}

function Entry.key(key)
  return Cache.stem .. ':e:' .. key
end

function Entry.find(key, with_bytes)
  local at = Cache.stem .. ':e:' .. key
  local f
  if with_bytes then
    f = redis.call('HMGET', at, 'n', 'c', 'w', 'x', 's', 'g', 'l', 'b')
  else
    f = redis.call('HMGET', at, 'n', 'c', 'w', 'x', 's', 'g', 'l')
  end
  local version = f[1]
  if not version then return nil, nil end
  local stale_until = f[5] + 0
  if not Cache.exists or stale_until > 0 and now >= stale_until or version + 0 <= Marks.newest(key, f[6]) then
    return nil, version, f[7]
  end
  return {
    version = version, content_type = f[2], written = f[3] + 0, expires = f[4] + 0, stale_until = stale_until,
    tags = f[6], bytes = f[8],
  }, version, f[7]
end

function Entry.is_stale(entry)
  return entry.expires > 0 and now >= entry.expires
end

-- What a flush left behind counts no more.
function Entry.size(key, version, length)
  if not version or version + 0 <= Cache.flushed then return 0 end
  return #key + (length or redis.call('HSTRLEN', Entry.key(key), 'b'))
end

local function schedule(key, stale_until)
  redis.call('ZADD', Cache.stem .. ':index', stale_until > 0 and stale_until or '+inf', key)
  if stale_until > 0 then Cache.sweep_at(stale_until) end
end

function Entry.store(key, former, version, length, fields)
  local bytes, stale_until = fields.bytes, fields.stale_until
  local made = Cache.next_version(#key + #bytes - Entry.size(key, version, length))
  redis.call('HSET', Entry.key(key), 'n', made, 'b', bytes, 'l', #bytes, 'c', fields.content_type, 'w', now,
    'x', fields.expires, 's', stale_until, 'g', fields.tags)
  -- What may be served is in the index already.
  if not former or former.stale_until ~= stale_until then schedule(key, stale_until) end
  return made
end

function Entry.live_until(key, expires, stale_until)
  redis.call('HSET', Entry.key(key), 'x', expires, 's', stale_until)
  schedule(key, stale_until)
end

function Entry.remove(key, version, length)
  local size = Entry.size(key, version, length)
  if size > 0 then Cache.grow(-size) end
  redis.call('DEL', Entry.key(key))
  redis.call('ZREM', Cache.stem .. ':index', key)
end
