// Orders are handled by a worker: acknowledged when the handler returns, delivered again when it throws.
import { Syncline } from '@syncline/client';
import { NODES } from '../nodes.js';

await using syncline = new Syncline(NODES);
const orders = syncline.queue<{ orderId: number }>('example-orders');
const handled: string[] = [];

const done = new Promise<void>((resolve) => {
  syncline.worker<{ orderId: number }>(
    'example-orders',
    ({ body, receiveCount }) => {
      if (body.orderId === 2 && receiveCount === 1) throw new Error('the printer has no paper');
      handled.push(`order ${body.orderId} at try ${receiveCount}`);
      if (handled.length === 3) resolve();
    },
    {
      concurrency: 8,
      backoff: { baseMs: 100, factor: 2, maxMs: 10_000 },
      onError: (error) => console.log(`again: ${error instanceof Error && error.message}`), // again: the printer has no paper
    },
  );
});

await Promise.all([1, 2, 3].map((orderId) => orders.send({ orderId })));
await done;
console.log(handled.sort().join(', ')); // order 1 at try 1, order 2 at try 2, order 3 at try 1
