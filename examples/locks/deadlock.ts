// Two jobs take the same two locks in different order. Nobody waits for ever: the younger wait is told at once.
import { DeadlockError, Syncline } from '@syncline/client';
import { NODES } from '../nodes.js';

await using syncline = new Syncline(NODES);
const wait = { waitMs: 10_000 };

// The leases of one job have one owner: that is how the circle is found.
const stock = await syncline.lock.acquire('stock', { owner: 'job-1' });
const orders = await syncline.lock.acquire('orders', { owner: 'job-2' });
const older = syncline.lock.acquire('orders', { ...wait, owner: 'job-1' });
while ((await syncline.lock.inspect('orders')).waiters.length === 0);
try {
  await syncline.lock.acquire('stock', { ...wait, owner: 'job-2' });
} catch (error) {
  console.log(error instanceof DeadlockError ? error.code : error); // deadlock
}
await orders.release(); // job-2 starts over, and job-1 goes on.
await (await older).release();
await stock.release();
