// A hundred requests want a price that is not cached: it is loaded once in the whole cluster.
import { setTimeout as sleep } from 'node:timers/promises';
import { Syncline } from '@syncline/client';
import { NODES } from '../nodes.js';

await using syncline = new Syncline(NODES);
const prices = syncline.cache<{ cents: number }>('example-prices');
await prices.delete('product-42');
let loads = 0;

async function fromDatabase(): Promise<{ cents: number }> {
  loads += 1;
  await sleep(50);
  return { cents: 1_999 };
}

const answers = await Promise.all(
  Array.from({ length: 100 }, () => prices.getOrSet('product-42', fromDatabase, { ttlMs: 60_000 })),
);
console.log(answers.length, answers[99]?.cents, `loads: ${loads}`); // 100 1999 loads: 1
