-- Reads an entry.
-- KEYS 1 stem
-- ARGV 1 key
-- Returns {version, bytes, content type, age, time to live, time to live while stale}, times in ms, -1: for ever;
--         nil when there is no such entry.
-- @include state.lua
local entry = find_entry(ARGV[1])
if not entry then return nil end
return {
  entry.version,
  entry_bytes(ARGV[1]),
  entry.content_type,
  now - entry.written,
  entry.expires == 0 and -1 or entry.expires - now,
  entry.stale_until == 0 and -1 or entry.stale_until - now,
}
