import { isUtf8 } from 'node:buffer';
import { type Encoding, jsonFault, type NewEntries } from '@syncline/contracts';
import type { Entry } from './entry.js';

const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;
const CONTENT_TYPES = {
  json: 'application/json',
  utf8: 'text/plain; charset=utf-8',
  base64: 'application/octet-stream',
} as const satisfies Record<Encoding, string>;

/** How an entry's bytes travel in a JSON body. */
export function encode({ bytes, contentType }: Entry): { value: unknown; encoding: Encoding } {
  if (!isUtf8(bytes)) return { value: bytes.toString('base64'), encoding: 'base64' };
  const text = bytes.toString();
  if (JSON_TYPE.test(contentType)) {
    try {
      const value: unknown = JSON.parse(text);
      if (jsonFault(value) === undefined) return { value, encoding: 'json' };
    } catch {
      // Its content type promised too much: it travels as the text that it is, as does what is nested too deep.
    }
  }
  return { value: text, encoding: 'utf8' };
}

/** The bytes and the content type that a JSON body describes. */
export function decode(entry: NewEntries['entries'][number]): { bytes: Buffer; contentType: string } {
  const { value, encoding = typeof value === 'string' ? 'utf8' : 'json' } = entry;
  const { contentType = CONTENT_TYPES[encoding] } = entry;
  if (encoding === 'json') return { bytes: Buffer.from(JSON.stringify(value)), contentType };
  return { bytes: Buffer.from(String(value), encoding), contentType };
}
