import { defineScript } from '@syncline/redis';
import { cacheOf, keysOfCache as keys, SHARED_KEY } from '../caches.keys.js';
import type { InLife, OfNode } from './coherence.scripts.js';
import { decodeRead } from './read-reply.js';
import { argumentsOf, type ReaderState } from './reader-state.js';

const file = (name: string) => new URL(`./${name}.lua`, import.meta.url);
const life = ({ life: id }: { readonly life: string | null }) => id;

/** Reads an entry, and puts the incarnation among its sharers when no write of it is under way. */
export const fill = defineScript({
  file: file('fill'),
  keys,
  life,
  args: ({ most, ...reader }: InLife & ReaderState & { most?: number | undefined }) => [
    ...argumentsOf(reader),
    most ?? '',
  ],
  binary: true,
  decode: decodeRead,
});

/** Removes what can never be served again; ms until there is more to do, null when nothing has an end. */
export const sweepEntries = defineScript({
  file: file('sweep'),
  keys,
  life,
  args: ({ max }: InLife & { max: number }) => [max],
  decode: (reply) => (Number(reply) < 0 ? null : Number(reply)),
});

/** Caches that have something to be swept. */
export const dueCaches = defineScript({
  file: file('due'),
  keys: () => [SHARED_KEY],
  life,
  args: ({ max }: OfNode & { max: number }) => [max],
  decode: (reply) => (reply as string[]).map(cacheOf),
});

/** Version of an entry; null when there is none. */
export const versionOf = defineScript({
  file: file('version'),
  keys,
  life,
  args: ({ key }: InLife & { key: string }) => [key],
  decode: (reply) => reply as string | null,
});

/** Configuration (null: default), size and counters of a cache. */
export const describeCache = defineScript({
  file: file('describe'),
  keys,
  life,
  decode: (reply) => {
    const [exists, ttl, largest, near, coherence, maxBytes, maxEntries, entries, bytes, flat] = reply as [
      number,
      string,
      string,
      string,
      string,
      string,
      string,
      number,
      string,
      string[],
    ];
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
      bytes: Number(bytes),
      counts,
    };
  },
});

/** Adds to the counters of a cache. */
export const addCounts = defineScript({
  file: file('count'),
  keys,
  life,
  args: ({ counts }: InLife & { counts: readonly (readonly [string, number])[] }) => counts.flat(),
  decode: () => undefined,
});
