// Reports read the ledger together; a booking has it for itself, and is not overtaken by later readers.
import { type LeaseMode, Syncline } from '@syncline/client';
import { NODES } from '../nodes.js';

await using syncline = new Syncline(NODES);
const order: string[] = [];

const enter = async (who: string, mode: LeaseMode) => {
  const lease = await syncline.lock.acquire('ledger', { mode, waitMs: 5_000 });
  order.push(who);
  return lease;
};
const waiting = async (count: number) => {
  while ((await syncline.lock.inspect('ledger')).waiters.length < count);
};

const readers = [await enter('reader 1', 'shared'), await enter('reader 2', 'shared')];
const writer = enter('writer', 'exclusive');
await waiting(1);
const lateReader = enter('reader 3', 'shared');
await waiting(2);

await Promise.all(readers.map((lease) => lease.release()));
await (await writer).release();
await (await lateReader).release();
console.log(order.join(', ')); // reader 1, reader 2, writer, reader 3
