import { createHash } from 'node:crypto';

const SEPARATOR = ':';
/** Limit of a namespace, and of a key in it: both together fit into the key of an entry, 1,024 bytes. */
const MAX_PART_BYTES = 500;
const HASHED = 'sha256-';
/** Without lone surrogates, which UTF-8 cannot encode. */
const WELL_FORMED = /^\P{Cs}+$/u;

/**
 * The cache key for a key of Keyv: `key` or `namespace:key`. An empty, ill-formed or long part is replaced by its hash,
 * so that Keyv keys can be any string and all entries of a namespace share a prefix. A part that looks like a hash is
 * hashed too, so that two keys never collide.
 *
 * @param key with or without the namespace prefix of Keyv
 */
export function entryKey(key: string, namespace: string | undefined): string {
  if (!namespace) return part(key);
  const prefix = namespace + SEPARATOR;
  return namespacePrefix(namespace) + part(key.startsWith(prefix) ? key.slice(prefix.length) : key);
}

/** The prefix of all entries of a namespace. */
export const namespacePrefix = (namespace: string): string => part(namespace) + SEPARATOR;

function part(text: string): string {
  const fits =
    Buffer.byteLength(text) <= MAX_PART_BYTES && WELL_FORMED.test(text) && !text.startsWith(HASHED);
  if (fits) return text;
  // As UTF-16, because UTF-8 would replace all lone surrogates by the same bytes.
  return HASHED + createHash('sha256').update(text, 'utf16le').digest('base64url');
}
