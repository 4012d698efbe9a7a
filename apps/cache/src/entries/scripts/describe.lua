-- Reads the configuration and the size of a cache.
-- KEYS 1 stem
-- Returns {default ttl, largest entry, near cache bytes, coherence, entries, bytes, {counter, value, ...}}; '' for a default.
-- @include state.lua
return {
  state[4] or '', state[5] or '', redis.call('HGET', stem, 'nearCacheBytes') or '', state[6] or '',
  redis.call('ZCARD', stem .. ':index'), redis.call('HGET', stem, 'bytes') or '0',
  redis.call('HGETALL', stem .. ':stats'),
}
