// Ten files, at most three downloads at once in the whole cluster.
import { setTimeout as sleep } from 'node:timers/promises';
import { Syncline } from '@syncline/client';
import { NODES } from '../nodes.js';

await using syncline = new Syncline(NODES);
const downloads = syncline.lock.semaphore('downloads', 3);
let running = 0;
let most = 0;

await Promise.all(
  Array.from({ length: 10 }, () =>
    downloads.using({ waitMs: 10_000 }, async () => {
      running += 1;
      most = Math.max(most, running);
      await sleep(20);
      running -= 1;
    }),
  ),
);
console.log(`at most ${most} at once`); // at most 3 at once
