// Visits are counted by many at once; no increment is lost, and none is done twice when its answer is.
import { Syncline } from '@syncline/client';
import { NODES } from '../nodes.js';

await using syncline = new Syncline(NODES);
const visits = syncline.cache<number>('example-visits');
await visits.delete('home');

await Promise.all(Array.from({ length: 20 }, () => visits.increment('home', 1, { ttlMs: 60_000 })));
console.log(await visits.get('home')); // 20
