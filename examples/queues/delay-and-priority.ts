// What is urgent comes first; what is for later comes later.
import { Syncline } from '@syncline/client';
import { NODES } from '../nodes.js';

await using syncline = new Syncline(NODES);
const mails = syncline.queue<string>('example-mails');

await mails.send('reminder', { delayMs: 2_000, priority: 9 });
await mails.send('newsletter', { priority: 0 });
await mails.send('password reset', { priority: 9 });

const sent: string[] = [];
while (sent.length < 3) {
  for (const { body, receipt } of await mails.receive({ waitMs: 5_000 })) {
    sent.push(body);
    await mails.ack(receipt);
  }
}
console.log(sent.join(', ')); // password reset, newsletter, reminder
