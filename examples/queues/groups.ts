// The events of one customer are handled in order, those of different customers side by side.
import { Syncline } from '@syncline/client';
import { NODES } from '../nodes.js';

await using syncline = new Syncline(NODES);
type Event = { customer: string; step: number };
const events = syncline.queue<Event>('example-events');
const seen = new Map<string, number[]>();
let left = 6;

for (const step of [1, 2, 3]) {
  await events.send({ customer: 'ada', step }, { groupId: 'ada' });
  await events.send({ customer: 'bob', step }, { groupId: 'bob' });
}
await new Promise<void>((resolve) => {
  const handle = ({ body: { customer, step } }: { body: Event }) => {
    seen.set(customer, [...(seen.get(customer) ?? []), step]);
    left -= 1;
    if (left === 0) resolve();
  };
  syncline.worker('example-events', handle, { concurrency: 8 });
});
console.log(seen.get('ada')?.join(), seen.get('bob')?.join()); // 1,2,3 1,2,3
