import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, type RedisServer } from '@syncline/testing';
import { scenario } from './stage.js';

/** Longer than a node holds what it sent. */
const NOT_HELD_MS = 3_200;

export const lossesAreCounted = scenario(2, async ({ send, receive, end, stats, expect, cluster }) => {
  await send(...[1, 2, 3, 4, 5].map((body) => ({ body })));
  const ended = await receive({ max: 2 });
  await end(
    'ack',
    ended.map(({ receipt }) => receipt),
  );
  await sleep(NOT_HELD_MS);
  // Through each node: what is old goes when the queue is seen after it.
  for (const body of ['held', 'too']) await send({ body });
  await (cluster.redis as RedisServer).restart();
  await eventually(async () => {
    if (!((await stats())?.lost ?? 0)) throw new Error('What is lost was not counted.');
  }, 15_000);
  // Both nodes have told by then.
  await sleep(1_000);
  const { lost, ready } = await stats();
  expect(
    lost === 3 && ready === 2,
    `3 are lost and 2 were held: ${lost} are counted, and ${ready} are ready`,
  );
});
