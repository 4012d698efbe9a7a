import { isUtf8 } from 'node:buffer';
import { type Encoding, jsonFault, type NewEntry, toInstant } from '@syncline/contracts';
import { contentOf, contentTextOf } from './content.js';
import type { Entry } from './entry.js';

const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;
const CONTENT_TYPES = {
  json: 'application/json',
  utf8: 'text/plain; charset=utf-8',
  base64: 'application/octet-stream',
} as const satisfies Record<Encoding, string>;

/** An entry's fields in a JSON body. @param as how its bytes travel; by default as its content type says */
export function encode(entry: Entry, as: Encoding | undefined) {
  const { contentType, contentEncoding } = contentOf(entry.contentType);
  const asJson = as === 'json' || (as === undefined && JSON_TYPE.test(contentType));
  return {
    ...(as === 'base64' ? inBase64(entry.bytes) : inText(entry.bytes, asJson)),
    contentType,
    ...(contentEncoding !== undefined && { contentEncoding }),
    version: entry.version,
    expiresAt: instantOf(entry.expiresAt),
  };
}

type Travelling = { readonly value: unknown; readonly encoding: Encoding };

const inBase64 = (bytes: Buffer): Travelling => ({ value: bytes.toString('base64'), encoding: 'base64' });

function inText(bytes: Buffer, asJson: boolean): Travelling {
  if (!isUtf8(bytes)) return inBase64(bytes);
  const text = bytes.toString();
  if (asJson) {
    try {
      const value: unknown = JSON.parse(text);
      if (jsonFault(value) === undefined && hasExactNumbers(text)) return { value, encoding: 'json' };
    } catch {
      // Its content type promised too much: it travels as the text that it is, as does what is nested too deep.
    }
  }
  return { value: text, encoding: 'utf8' };
}

/** Strings, to be passed over, and what may be a number that JavaScript rounds: long, with an exponent, or -0. */
const STRINGS_AND_ODD_NUMBERS =
  /"[^"\\]*(?:\\.[^"\\]*)*"|-?[\d.]{16,}(?:[eE][+-]?\d+)?|-?[\d.]+[eE][+-]?\d+|-0(?![.\deE])/gs;

/** Whether JavaScript would write every number of a text, which is JSON, as it stands there. */
function hasExactNumbers(text: string): boolean {
  for (const [token] of text.matchAll(STRINGS_AND_ODD_NUMBERS)) {
    if (!token.startsWith('"') && String(Number(token)) !== token) return false;
  }
  return true;
}

/** The bytes, and what they are, of a JSON body's entry. */
export function decode(entry: NewEntry): { bytes: Buffer; contentType: string } {
  const { value, encoding = typeof value === 'string' ? 'utf8' : 'json' } = entry;
  const { contentEncoding } = entry;
  const contentType = contentTextOf({
    contentType: entry.contentType ?? CONTENT_TYPES[encoding],
    contentEncoding,
  });
  if (encoding === 'json') return { bytes: Buffer.from(JSON.stringify(value)), contentType };
  return { bytes: Buffer.from(String(value), encoding), contentType };
}

export const instantOf = (ms: number | null): string | null => (ms === null ? null : toInstant(ms));
