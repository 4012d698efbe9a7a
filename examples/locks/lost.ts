// A lock can be lost: its holder is told before anybody else can have it, and stops.
import { setTimeout as sleep } from 'node:timers/promises';
import { LeaseLostError, Syncline } from '@syncline/client';
import { NODES } from '../nodes.js';

await using syncline = new Syncline(NODES);

try {
  await syncline.lock.using('migration', { ttlMs: 600 }, async (lease, signal) => {
    // An operator takes the lock away. The next renewal finds out.
    await syncline.lock.revoke(lease.name, 'the machine is needed');
    for (let rows = 0; rows < 1_000_000; rows += 1_000) {
      signal.throwIfAborted();
      await sleep(20); // A thousand rows are moved.
    }
  });
} catch (error) {
  console.log(error instanceof LeaseLostError ? error.code : error); // lease-lost
}
