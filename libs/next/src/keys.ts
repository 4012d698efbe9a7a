import { createHash } from 'node:crypto';

/** Limit of the key of an entry is 1,024 bytes. */
const MAX_BYTES = 1_000;
/** Without lone surrogates, which UTF-8 cannot encode. */
const WELL_FORMED = /^\P{Cs}*$/u;

/** Two kinds never have the same key, whatever the text is. */
export function keyOf(kind: 'page' | 'use' | 'tag', text: string): string {
  if (Buffer.byteLength(text) <= MAX_BYTES && WELL_FORMED.test(text)) return `${kind}:${text}`;
  return `${kind}-sha256:${createHash('sha256').update(text, 'utf16le').digest('base64url')}`;
}

/** Of the entry whose version tells how many revalidations there were. */
export const CLOCK = 'clock';
