import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { callSchedule } from './client.js';
import { type Stage, scenario } from './stage.js';

const SCHEDULES = 20;
const ROUNDS = 4;
/** A node that is not the owner looks so much later. */
const SECOND_LOOK_MS = 1_000;

const put = ({ cluster, queue }: Stage, name: string, given: object = {}) =>
  callSchedule(cluster.urls[0] ?? '', 'PUT', name, {
    ...{ queue, everyMs: 3_600_000, missed: 'once', message: { body: name } },
    ...given,
  });
const keyOf = (queue: string) => `syncline:{queue:${queue}}:schedules`;

/** All schedules of a queue are due from now on; all nodes are told so that they look at one moment. */
async function makeDue({ cluster, queue }: Stage, redis: Redis): Promise<void> {
  const answer = await fetch(`${cluster.urls[0]}/v1/cluster/owner?key=${queue}`);
  const owner = (await answer.json()) as { nodeId: string };
  const ids = await redis.zrange(keyOf(queue), '0', '-1');
  const at = Date.now() + SECOND_LOOK_MS - 20;
  await redis.zadd(keyOf(queue), ...ids.flatMap((id) => [at, id]));
  for (const { nodeId } of cluster.sites) {
    const inMs = nodeId === owner.nodeId ? SECOND_LOOK_MS : 0;
    const hint = { pattern: 'queue.due', data: { queue, inMs } };
    await redis.publish(`syncline.queue.queue.due.${nodeId}`, JSON.stringify(hint));
  }
}

export const ownersDoNotDouble = scenario(3, async (stage) => {
  const { redis, receive, queue, expect } = stage;
  const names = Array.from({ length: SCHEDULES }, (_, i) => `${queue}-${i}`);
  for (const name of names) await put(stage, name);
  for (let round = 1; round <= ROUNDS; round += 1) {
    await makeDue(stage, redis);
    const bodies: unknown[] = [];
    for (let looks = 0; looks < 100 && bodies.length < SCHEDULES; looks += 1) {
      bodies.push(...(await receive({ max: 1_000, waitMs: 200 })).map(({ body }) => body));
    }
    // Whoever else found them due has sent by now.
    await sleep(200);
    bodies.push(...(await receive({ max: 1_000 })).map(({ body }) => body));
    const isEach = bodies.length === SCHEDULES && new Set(bodies).size === SCHEDULES;
    expect(isEach, `${SCHEDULES} occurrences sent ${bodies.length} messages`);
  }
});

export const replacedSendsNothing = scenario(1, async (stage) => {
  const { redis, queue, expect, stats } = stage;
  const name = `${queue}-replaced`;
  await put(stage, name);
  const names = 'syncline:{queues}:schedules';
  const member = (await redis.zrange(names, '0', '-1')).find((one) => one.startsWith(`${name} `)) ?? '';
  await redis.zrem(names, member);
  await redis.zadd(names, 0, `${name} elsewhere 0123`);
  await makeDue(stage, redis);
  for (let looks = 0; looks < 100 && (await redis.zcard(keyOf(queue))) > 0; looks += 1) await sleep(100);
  expect((await stats()).sent === 0, 'a schedule that lost its name sent a message');
  expect((await redis.zcard(keyOf(queue))) === 0, 'a schedule that lost its name is still there');
});

export const purgeLeavesSchedules = scenario(1, async (stage) => {
  const { cluster, queue, expect, receive } = stage;
  const name = `${queue}-purged`;
  await put(stage, name, { everyMs: 100 });
  await receive({ waitMs: 5_000 });
  await fetch(`${cluster.urls[0]}/v1/queues/${queue}/purge`, { method: 'POST' });
  const after = await receive({ waitMs: 5_000 });
  expect(after.length === 1, 'a schedule sent nothing after its queue was purged');
  await callSchedule(cluster.urls[0] ?? '', 'DELETE', name);
});
