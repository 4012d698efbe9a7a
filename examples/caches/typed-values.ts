// Values of a type of your own: a codec says how they become bytes.
import { type Codec, Syncline } from '@syncline/client';
import { NODES } from '../nodes.js';

const instant: Codec<Date> = {
  contentType: 'text/plain',
  encode: (date) => date.toISOString(),
  decode: (bytes) => new Date(bytes.toString()),
};

await using syncline = new Syncline(NODES);
const logins = syncline.cache<Date>('example-logins', { codec: instant });
await logins.set('ada', new Date('2026-01-31T09:30:00Z'), { ttlMs: 60_000 });
console.log((await logins.get('ada'))?.getUTCFullYear()); // 2026
