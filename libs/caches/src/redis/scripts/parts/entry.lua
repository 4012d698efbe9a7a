-- An entry.
--   <stem>:v:<key>  string  in one, since each field of a hash would take memory of its own: how it lives, 12 bytes: 6 expires at,
--                           6 stale until; 7 version; 6 written at; 4 how many bytes it has; 2 and 2 where the content type ends
--                           and the bytes begin, counted from 1 and one further; the content type, the tags, the bytes
-- Leaves: Entry.key(key), where it lies
--         Entry.look(key, with_bytes): what lies under the key, valid or not, nil for nothing
--         Entry.find(key, with_bytes): the entry that may be served, nil when there is none; and what lies under the key
--         Entry.bytes(key, entry), of one that was found without
--         Entry.is_stale(entry)
--         Entry.size(key, there), bytes that count for the cache; `there`: what lies under the key
--         Entry.store(key, former, there, fields), the version that it gets; `former`: the entry that may be served until now,
--         nil for none; Entry.remove(key, there)
--         Entry.live_until(key, expires, stale_until), one that is there
-- @include parts/marks.lua
local Entry = {}
local LIFE, HEAD = '>I6I6', '>I6I6I7I6I4I2I2'
local HEAD_BYTES = 33
-- Most have no longer content type and tags; a small value, such as a counter, is read with them.
local USUAL_START = 160

function Entry.key(key)
  return Cache.stem .. ':v:' .. key
end

function Entry.look(key, with_bytes)
  local at = Entry.key(key)
  local text
  if with_bytes then text = redis.call('GET', at) else text = redis.call('GETRANGE', at, 0, USUAL_START - 1) end
  if not text or text == '' then return nil end
  local expires, stale_until, version, written, length, type_end, start = struct.unpack(HEAD, text)
  if start > #text + 1 then text = redis.call('GETRANGE', at, 0, start - 2) end
  return {
    version = int(version), content_type = string.sub(text, HEAD_BYTES + 1, type_end - 1), written = written,
    expires = expires, stale_until = stale_until, tags = string.sub(text, type_end, start - 1), length = length, start = start,
    bytes = #text >= start - 1 + length and string.sub(text, start) or nil,
  }
end

function Entry.find(key, with_bytes)
  local there = Entry.look(key, with_bytes)
  if not there then return nil, nil end
  local stale_until = there.stale_until
  if not Cache.exists or stale_until > 0 and now >= stale_until or there.version + 0 <= Marks.newest(key, there.tags) then
    return nil, there
  end
  return there, there
end

function Entry.bytes(key, entry)
  return entry.bytes or redis.call('GETRANGE', Entry.key(key), entry.start - 1, -1)
end

function Entry.is_stale(entry)
  return entry.expires > 0 and now >= entry.expires
end

-- What a flush or a dropped cache left behind counts no more.
function Entry.size(key, there)
  if not there or not Cache.exists or there.version + 0 <= Cache.flushed then return 0 end
  return #key + there.length
end

local function schedule(key, stale_until)
  redis.call('ZADD', Cache.stem .. ':index', stale_until > 0 and stale_until or '+inf', key)
  if stale_until > 0 then Cache.sweep_at(stale_until) end
end

function Entry.store(key, former, there, fields)
  local bytes, stale_until = fields.bytes, fields.stale_until
  local content_type, tags = fields.content_type, fields.tags
  local made = Cache.advance(#key + #bytes - Entry.size(key, there))
  local type_end = HEAD_BYTES + #content_type + 1
  Cache.save(Entry.key(key),
    struct.pack(HEAD, fields.expires, stale_until, made + 0, now, #bytes, type_end, type_end + #tags)
      .. content_type .. tags .. bytes)
  -- What may be served is in the index already.
  if not former or former.stale_until ~= stale_until then schedule(key, stale_until) end
  return made
end

function Entry.live_until(key, expires, stale_until)
  redis.call('SETRANGE', Entry.key(key), 0, struct.pack(LIFE, expires, stale_until))
  schedule(key, stale_until)
end

function Entry.remove(key, there)
  local size = Entry.size(key, there)
  if size > 0 then Cache.grow(-size) end
  redis.call('DEL', Entry.key(key))
  redis.call('ZREM', Cache.stem .. ':index', key)
end
