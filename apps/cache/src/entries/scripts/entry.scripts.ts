import { defineScript } from '@syncline/redis';
import { cacheKey } from '../entries.keys.js';
import type { Conditions, Entry, Put, Written } from '../entry.js';

interface Target {
  readonly cache: string;
  readonly key: string;
}

/** What happened to a write: done, or why not. */
export type WriteResult =
  | ({ readonly outcome: 'written' } & Written)
  | { readonly outcome: 'deleted' | 'absent' | 'mismatch' }
  | { readonly outcome: 'too-large'; readonly limit: number };

const keys = ({ cache }: { cache: string }) => [cacheKey(cache)];

function decodeResult(reply: unknown): WriteResult {
  const [outcome = '', first = '', second = ''] = (reply as Buffer[]).map(String);
  switch (outcome) {
    case 'created':
    case 'replaced':
      return {
        outcome: 'written',
        created: outcome === 'created',
        version: first,
        expiresAt: second === '0' ? null : Number(second),
      };
    case 'too-large':
      return { outcome, limit: Number(first) };
    case 'deleted':
    case 'absent':
    case 'mismatch':
      return { outcome };
    default:
      throw new Error(`Unknown result of a write: ${outcome}`);
  }
}

/** Reads an entry; null when there is none. */
export const readEntry = defineScript({
  file: new URL('./read.lua', import.meta.url),
  keys,
  args: ({ key }: Target) => [key],
  binary: true,
  decode: (reply): Entry | null => {
    if (reply === null) return null;
    const [version, bytes, contentType, ageMs, freshMs] = reply as [Buffer, Buffer, Buffer, number, number];
    return {
      version: String(version),
      bytes,
      contentType: String(contentType),
      ageMs,
      freshMs: freshMs === -1 ? null : freshMs,
    };
  },
});

/** Stores an entry when the conditions hold. */
export const putEntry = defineScript({
  file: new URL('./write.lua', import.meta.url),
  keys,
  args: ({
    key,
    bytes,
    contentType,
    ttlMs,
    staleMs,
    tags,
    ifMatch,
    ifNoneMatch,
  }: Target & Put & Conditions) => [
    'put',
    key,
    bytes,
    contentType,
    ttlMs ?? '',
    staleMs ?? 0,
    (tags ?? []).join(','),
    ifMatch,
    ifNoneMatch,
    '',
  ],
  binary: true,
  decode: decodeResult,
});

/** Removes an entry when the condition holds. */
export const deleteEntry = defineScript({
  file: new URL('./write.lua', import.meta.url),
  keys,
  args: ({ key, ifMatch }: Target & Pick<Conditions, 'ifMatch'>) => ['delete', key, ifMatch],
  binary: true,
  decode: decodeResult,
});

/** Removes at most `max` entries whose life is over; ms until there is more to do, null when nothing has an end. */
export const sweepEntries = defineScript({
  file: new URL('./sweep.lua', import.meta.url),
  keys,
  args: ({ max }: { cache: string; max: number }) => [max],
  decode: (reply) => (reply === -1 ? null : Number(reply)),
});
