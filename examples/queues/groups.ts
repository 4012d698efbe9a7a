// The events of one customer are handled in order, one at a time; those of different customers side by side.
import { setTimeout as sleep } from 'node:timers/promises';
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
  const handle = async ({ body: { customer, step } }: { body: Event }) => {
    // The first ones take longest: the others wait for them all the same.
    await sleep(60 / step);
    seen.set(customer, [...(seen.get(customer) ?? []), step]);
    left -= 1;
    if (left === 0) resolve();
  };
  syncline.worker('example-events', handle, { concurrency: 8 });
});
console.log(seen.get('ada')?.join(), seen.get('bob')?.join()); // 1,2,3 1,2,3
