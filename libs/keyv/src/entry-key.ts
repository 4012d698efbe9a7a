import { createHash } from 'node:crypto';

const SEPARATOR = ':';
/** Of a namespace, and of a key within it: both together fit into the key of an entry, 1,024 bytes. */
const MAX_PART_BYTES = 500;
const HASHED = 'sha256-';
/** No half of a surrogate pair: UTF-8 cannot carry one. */
const WELL_FORMED = /^\P{Cs}+$/u;

/**
 * The key of the entry for any key of Keyv: `key`, or `namespace:key`. An empty, ill-formed or long part is replaced by
 * its hash, so that it may be anything and the entries of a namespace still begin alike. Whatever looks like a hash is
 * hashed as well: no two keys meet.
 *
 * @param key with Keyv's prefix of the namespace, or without
 */
export function entryKey(key: string, namespace: string | undefined): string {
  if (!namespace) return part(key);
  const prefix = namespace + SEPARATOR;
  return namespacePrefix(namespace) + part(key.startsWith(prefix) ? key.slice(prefix.length) : key);
}

/** What the entries of a namespace begin with. */
export const namespacePrefix = (namespace: string): string => part(namespace) + SEPARATOR;

function part(text: string): string {
  const fits =
    Buffer.byteLength(text) <= MAX_PART_BYTES && WELL_FORMED.test(text) && !text.startsWith(HASHED);
  if (fits) return text;
  // As UTF-16: what is ill-formed differs there, and would not in UTF-8.
  return HASHED + createHash('sha256').update(text, 'utf16le').digest('base64url');
}
