// Two processes want to bill the same invoice. One of them does it; the other one waits, and sees that it is done.
import { Syncline } from '@syncline/client';
import { NODES } from '../nodes.js';

await using syncline = new Syncline(NODES);
const billed = new Set<string>();

async function bill(invoice: string): Promise<string> {
  return syncline.lock.using(invoice, { ttlMs: 10_000, waitMs: 5_000 }, async (_lease, signal) => {
    if (billed.has(invoice)) return 'was billed already';
    // Whatever takes long gets the signal: it aborts when the lock is lost.
    signal.throwIfAborted();
    billed.add(invoice);
    return 'billed';
  });
}

const outcomes = await Promise.all([bill('invoice-42'), bill('invoice-42')]);
console.log(outcomes.sort().join(', ')); // billed, was billed already
