// A worker that owns many things: one heartbeat keeps all its locks, and its death frees all of them.
import { Syncline } from '@syncline/client';
import { NODES } from '../nodes.js';

await using syncline = new Syncline(NODES);
const session = await syncline.lock.session({ ttlMs: 5_000, owner: 'worker-7' });
for (const shard of ['shard-1', 'shard-2', 'shard-3']) await session.acquire(shard);

const held = async () => {
  const locks = [];
  for await (const { name, holders } of syncline.lock.list('shard-')) {
    if (holders.some(({ owner }) => owner === 'worker-7')) locks.push(name);
  }
  return locks.join(' ');
};
console.log(await held()); // shard-1 shard-2 shard-3

await session.release();
console.log(`after the end: ${(await held()) || 'none'}`); // after the end: none
