// What fails three times is set aside, with its history; once the fault is mended it is sent back.
import { Syncline } from '@syncline/client';
import { NODES } from '../nodes.js';

await using syncline = new Syncline(NODES);
const imports = syncline.queue<string>('example-imports');
const failed = syncline.queue<string>('example-imports-failed');
await imports.configure({ maxReceives: 3, deadLetterQueue: failed.name });

await imports.send('a row with a fault');
for (let tries = 0; tries < 3; tries += 1) {
  const [message] = await imports.receive({ waitMs: 5_000 });
  if (message) await imports.nack([message.receipt], 0);
}
const [letter] = (await failed.browse('ready')).messages;
console.log(letter?.body); // a row with a fault

console.log(await failed.redrive()); // 1
const [again] = await imports.receive({ waitMs: 5_000 });
console.log(again?.body, again?.receiveCount); // a row with a fault 1
if (again) await imports.ack(again.receipt);
