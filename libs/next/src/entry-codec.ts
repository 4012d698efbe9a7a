import { deserialize, serialize } from 'node:v8';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Codec } from '@syncline/client';

/** What is larger is compressed: pages of some MB are below the limit of a cache, 1 MiB, only so. */
const PLAIN_BYTES = 131_072;
/** First byte of what is compressed. What V8 serializes begins with 0xff. */
const GZIP = 0x1f;

/** Values of Next, with their Buffers and Maps, as V8 serializes them. Undefined: a newer Node wrote them, which this one cannot read. */
export const ENTRY_CODEC: Codec<unknown> = {
  contentType: 'application/octet-stream',
  encode(value) {
    const plain = serialize(value);
    return plain.length > PLAIN_BYTES ? gzipSync(plain, { level: 1 }) : plain;
  },
  decode(bytes) {
    try {
      return deserialize(bytes[0] === GZIP ? gunzipSync(bytes) : bytes);
    } catch {
      return undefined;
    }
  },
};
