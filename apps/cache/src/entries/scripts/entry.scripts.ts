import { defineScript } from '@syncline/redis';
import { cacheKey } from '../entries.keys.js';
import type { InLife } from './coherence.scripts.js';
import { decodeTold } from './told.js';

export interface Reader extends InLife {
  readonly key: string;
  readonly incarnation: string;
  readonly fill: number;
  readonly largest: number;
}

const file = (name: string) => new URL(`./${name}.lua`, import.meta.url);
const keys = ({ cache }: InLife) => [cacheKey(cache)];
const life = ({ life: id }: InLife) => id;
/** Reads an entry, and puts the incarnation among its sharers when no write of it is under way. */
export const fill = defineScript({
  file: file('fill'),
  keys,
  life,
  args: (reader: Reader & { most?: number | undefined }) => [
    reader.key,
    reader.incarnation,
    reader.fill,
    reader.largest,
    reader.most ?? '',
  ],
  binary: true,
  decode: decodeTold,
});

/** Removes what can never be served again; ms until there is more to do, null when nothing has an end. */
export const sweepEntries = defineScript({
  file: file('sweep'),
  keys,
  life,
  args: ({ max }: InLife & { max: number }) => [max],
  decode: (reply) => (reply === -1 ? null : Number(reply)),
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
    const [ttl, largest, near, coherence, entries, bytes, flat] = reply as [
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
      defaultTtlMs: number(ttl),
      maxEntryBytes: number(largest),
      nearCacheBytes: number(near),
      coherence: coherence === '' ? null : coherence,
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
