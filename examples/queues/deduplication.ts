// A button that is pressed twice makes one message: the second send gets the id of the first.
import { randomUUID } from 'node:crypto';
import { Syncline } from '@syncline/client';
import { NODES } from '../nodes.js';

await using syncline = new Syncline(NODES);
const payments = syncline.queue<{ amount: number }>('example-payments');
const deduplicationId = `payment-${randomUUID()}`;

const first = await payments.send({ amount: 10 }, { deduplicationId });
const second = await payments.send({ amount: 10 }, { deduplicationId });
console.log(first.deduplicated, second.deduplicated, first.id === second.id); // false true true

const received = await payments.receive({ max: 10 });
console.log(received.length); // 1
await Promise.all(received.map(({ receipt }) => payments.ack(receipt)));
