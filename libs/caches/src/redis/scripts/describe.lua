-- Reads the configuration and the size of a cache.
-- KEYS 1 stem  2 what all caches share
-- Returns {1 when the cache exists, default ttl, largest entry, near cache bytes, coherence, largest bytes, most entries,
--         entries, bytes, {counter, value, ...}}; '' for a default or no bound.
-- @include state.lua
return {
  state.exists and 1 or 0, state.ttl, state.largest, state.near, state.coherence, state.max_bytes, state.max_entries,
  redis.call('ZCARD', stem .. ':index'), redis.call('HGET', stem, 'bytes') or '0',
  redis.call('HGETALL', stem .. ':stats'),
}
