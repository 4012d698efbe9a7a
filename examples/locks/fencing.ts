// What the lock guards compares tokens: a holder that was asleep cannot overwrite what its successor wrote.
import { Syncline } from '@syncline/client';
import { NODES } from '../nodes.js';

await using syncline = new Syncline(NODES);

/** A file server that remembers the newest token that it has seen. */
const file = { content: '', newest: 0n };
function write(content: string, token: string): boolean {
  if (BigInt(token) < file.newest) return false;
  Object.assign(file, { content, newest: BigInt(token) });
  return true;
}

const sleeper = await syncline.lock.acquire('file', { ttlMs: 10_000 });
await syncline.lock.revoke('file'); // As if its time were over while it slept.
const successor = await syncline.lock.acquire('file');

console.log(write('by the successor', successor.fencingToken)); // true
console.log(write('by the sleeper', sleeper.fencingToken)); // false
console.log(file.content); // by the successor
await successor.release();
