// One of several candidates runs the scheduler. When it resigns, another one leads.
import { once } from 'node:events';
import { Syncline } from '@syncline/client';
import { NODES } from '../nodes.js';

await using syncline = new Syncline(NODES);
const resign = new AbortController();
const leaders: string[] = [];

const candidate = (owner: string) =>
  syncline.lock.elect('scheduler', { owner, ttlMs: 5_000 }, async (lease) => {
    leaders.push(lease.owner);
    // The first one leads until it is told to resign; the second one has nothing left to do.
    if (leaders.length === 1) await once(resign.signal, 'abort');
  });

const first = candidate('node-1');
const observing = new AbortController();
for await (const leader of syncline.lock.observe('scheduler', observing.signal)) if (leader) break;
observing.abort();
const second = candidate('node-2');

resign.abort();
await Promise.all([first, second]);
console.log(leaders.join(', then ')); // node-1, then node-2
