import { cacheKey, placeOf } from '../caches.keys.js';
import { library, type OfPart, type OfShard, ofPart, ofShard } from './library.js';

type Described = readonly [
  exists: number,
  ttl: string,
  largest: string,
  near: string,
  coherence: string,
  maxBytes: string,
  maxEntries: string,
  entries: number,
  bytes: number,
  counts: readonly string[],
];

/** Configuration (null: default), size and counters of the parts of caches that lie in a shard. */
export const describeCaches = library.command({
  name: 'describe',
  ...ofShard,
  args: ({ shard, caches }: OfShard & { caches: readonly string[] }) =>
    caches.map((cache) => cacheKey(shard.key, cache)),
  decode: (reply) => (reply as Described[]).map(toPart),
});

function toPart(described: Described) {
  const [exists, ttl, largest, near, coherence, maxBytes, maxEntries, entries, bytes, flat] = described;
  const number = (text: string) => (text === '' ? null : Number(text));
  const counts = new Map<string, number>();
  for (let i = 0; i < flat.length; i += 2) counts.set(String(flat[i]), Number(flat[i + 1]));
  return {
    exists: exists === 1,
    defaultTtlMs: number(ttl),
    maxEntryBytes: number(largest),
    nearCacheBytes: number(near),
    coherence: coherence === '' ? null : coherence,
    maxBytes: number(maxBytes),
    maxEntries: number(maxEntries),
    entries,
    bytes,
    counts,
  };
}

/** Makes a part of a cache, unless it is there; its configuration, as text. */
export const makePart = library.command({
  name: 'make',
  ...ofPart,
  decode: (reply) => reply as string,
});

/** Adds to the counters of a cache. */
export const addCounts = library.command({
  name: 'count',
  ...ofPart,
  args: ({ counts }: OfPart & { counts: readonly (readonly [string, number])[] }) => counts.flat(),
  decode: () => undefined,
});

/** Removes what can never be served again; ms until there is more to do, null when nothing has an end. */
export const sweepEntries = library.command({
  name: 'sweep',
  ...ofPart,
  args: ({ max }: OfPart & { max: number }) => [max],
  decode: (reply) => (Number(reply) < 0 ? null : Number(reply)),
});

/** Caches of a shard that have something to be swept, at most `max`. */
export const dueCaches = library.command({
  name: 'due',
  ...ofShard,
  args: ({ max }: OfShard & { max: number }) => [max],
  decode: (reply) => (reply as string[]).map((stem) => placeOf(stem).cache),
});
