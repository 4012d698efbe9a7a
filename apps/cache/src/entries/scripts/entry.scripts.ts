import { defineScript } from '@syncline/redis';
import { cacheKey } from '../entries.keys.js';
import type { InLife } from './coherence.scripts.js';

/** An entry as Redis tells it. Durations are ms counted from the reply; null: without end. */
export interface ToldEntry {
  readonly version: string;
  readonly bytes: Buffer;
  readonly contentType: string;
  readonly ageMs: number;
  readonly freshMs: number | null;
  readonly usableMs: number | null;
  readonly expiresAt: number | null;
  readonly tags: readonly string[];
}

export interface Told {
  /** False: the incarnation that asked is fenced. */
  readonly alive: boolean;
  /** The incarnation that asked is among the sharers now. */
  readonly cacheable: boolean;
  readonly entry: ToldEntry | null;
}

interface Reader extends InLife {
  readonly key: string;
  readonly incarnation: string;
  readonly fill: number;
  readonly largest: number;
}

const file = (name: string) => new URL(`./${name}.lua`, import.meta.url);
const keys = ({ cache }: InLife) => [cacheKey(cache)];
const life = ({ life: id }: InLife) => id;
const endless = (ms: number) => (ms === -1 ? null : ms);

function decodeTold(reply: unknown): Told {
  const [alive, cacheable, version, bytes, contentType, ageMs, freshMs, usableMs, expiresAt, tags] =
    reply as [number, number, Buffer, Buffer, Buffer, number, number, number, Buffer, Buffer];
  const entry =
    version.length === 0
      ? null
      : {
          version: String(version),
          bytes,
          contentType: String(contentType),
          ageMs,
          freshMs: endless(freshMs),
          usableMs: endless(usableMs),
          expiresAt: String(expiresAt) === '0' ? null : Number(expiresAt),
          tags: tags.length === 0 ? [] : String(tags).split(','),
        };
  return { alive: alive === 1, cacheable: cacheable === 1, entry };
}

/** Reads an entry, and puts the incarnation among its sharers when no write of it is under way. */
export const fill = defineScript({
  file: file('fill'),
  keys,
  life,
  args: (reader: Reader) => [reader.key, reader.incarnation, reader.fill, reader.largest],
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

/** Who may compute a missing value: `lease`, this caller; `held`, somebody else for `leftMs`; `hit`, nobody needs to. */
export interface LeaseState {
  readonly state: 'hit' | 'lease' | 'held';
  readonly leftMs: number;
  readonly told: Told;
}

/** Reads an entry, or takes the fill lease of its key. */
export const leaseFill = defineScript({
  file: file('lease'),
  keys,
  life,
  args: (input: Reader & { lease: string; leaseMs: number; node: string; waits: boolean }) => [
    input.key,
    input.incarnation,
    input.fill,
    input.largest,
    input.lease,
    input.leaseMs,
    input.node,
    input.waits ? '1' : '0',
  ],
  binary: true,
  decode: (reply): LeaseState => {
    const [state, leftMs, told] = reply as [Buffer, number, unknown];
    return { state: String(state) as LeaseState['state'], leftMs, told: decodeTold(told) };
  },
});

/** Ends the fill lease of a caller that went away before it was told of it. */
export const giveLeaseBack = defineScript({
  file: file('give-lease-back'),
  keys,
  life,
  args: ({ key, lease }: InLife & { key: string; lease: string }) => [key, lease],
  decode: () => undefined,
});

/** Those of the keys whose fill lease is free. */
export const freeLeases = defineScript({
  file: file('free-leases'),
  keys,
  life,
  args: ({ keys: ofEntries }: InLife & { keys: readonly string[] }) => [...ofEntries],
  decode: (reply) => reply as string[],
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
