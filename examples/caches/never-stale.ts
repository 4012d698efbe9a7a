// A write that was answered is seen by every reader, through whichever node, though each node has its own copy.
import { CacheClient } from '@syncline/client';
import { NODES } from '../nodes.js';

const clients = NODES.cache.map((url) => new CacheClient({ urls: [url] }));
const [writer, ...readers] = clients.map((client) => client.cache<number>('example-stock'));
let stale = 0;

for (let stock = 1; stock <= 50; stock += 1) {
  await writer?.set('product-42', stock);
  const seen = await Promise.all(readers.map((reader) => reader.get('product-42')));
  stale += seen.filter((value) => value !== stock).length;
}
console.log(`stale reads: ${stale}`); // stale reads: 0
await Promise.all(clients.map((client) => client.close()));
