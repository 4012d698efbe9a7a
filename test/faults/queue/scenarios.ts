import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { call, type Message } from './client.js';
import { scenario } from './stage.js';

const receipts = (messages: readonly Message[]) => messages.map(({ receipt }) => receipt);
const numbered = (count: number, extra: object = {}) =>
  Array.from({ length: count }, (_, body) => ({ body, ...extra }));

export const onlyGenuineReceiptsCount = scenario(1, async ({ put, send, receive, end, expect }) => {
  await put({});
  await send(...numbered(2));
  const [one, two] = receipts(await receive({ max: 2 }));
  const parts = (receipt = '') => receipt.split('.');
  // The delivery of the one under the signature of the other.
  const forged = [...parts(one).slice(0, -1), parts(two).at(-1)].join('.');
  expect((await end('ack', [forged]))[0] === 'stale', 'a forged receipt was accepted');
});

export const olderDeliveriesAreStale = scenario(
  2,
  async ({ put, send, receive, end, expect, redis, queue }) => {
    await put({});
    await send({ body: 1 });
    const first = receipts(await receive({ visibilityTimeoutMs: 50 }));
    await sleep(80);
    const second = receipts(await receive());
    const inFlight = await redis.zcard(`${await generation(redis, queue)}:inFlight`);
    expect(inFlight === 1, `a message that is delivered again is in flight ${inFlight} times`);
    for (const kind of ['extend', 'nack', 'ack'] as const) {
      const extra = kind === 'extend' ? { visibilityTimeoutMs: 60_000 } : {};
      expect((await end(kind, first, extra))[0] === 'stale', `${kind} by an older delivery took effect`);
    }
    expect((await end('ack', second))[0] === 'acked', 'the newest delivery could not be acked');
  },
);

export const receiptsEndWithTheirTime = scenario(
  1,
  async ({ put, send, receive, end, expect, redis, queue }) => {
    await put({});
    // More than once: a timer that comes by in between would hide it.
    for (let i = 0; i < 5; i += 1) {
      await send({ body: i });
      const taken = receipts(await receive({ visibilityTimeoutMs: 60_000 }));
      const token = Number.parseInt(taken[0]?.split('.')[1] ?? '', 36);
      await redis.zadd(`${await generation(redis, queue)}:inFlight`, 'XX', Date.now() - 1, token);
      for (const kind of ['ack', 'extend', 'nack'] as const) {
        const extra = kind === 'extend' ? { visibilityTimeoutMs: 60_000 } : {};
        expect((await end(kind, taken, extra))[0] === 'stale', `${kind} was accepted after its time`);
      }
    }
    await redis.hset(`syncline:{queue:${queue}}:queue`, 'due', 1);
  },
);

export const eachIsHandedOutOnce = scenario(2, async ({ put, send, receive, end, expect }) => {
  await put({});
  await send(...numbered(20));
  const taken: Message[] = [];
  for (let i = 0; i < 6; i += 1) taken.push(...(await receive({ max: 4 })));
  const bodies = taken.map(({ body }) => String(body)).join();
  expect(
    bodies ===
      numbered(20)
        .map(({ body }) => body)
        .join(),
    `20 messages were handed out as ${bodies}`,
  );
  const statuses = await end('ack', receipts(taken));
  expect(statuses.filter((status) => status === 'acked').length === 20, 'not all could be acked once');
});

export const handingOverIsDelivering = scenario(1, async ({ put, send, receive, end, expect, stats }) => {
  await put({});
  await send({ body: 'first' });
  await receive();
  const parked = receive({ max: 10, waitMs: 6_000 });
  await sleep(300);
  await send(...numbered(3));
  const taken = await parked;
  const bodies = taken.map(({ body }) => String(body)).join();
  expect(bodies === '0,1,2', `a parked receiver got ${bodies}`);
  const { ready, inFlight } = await stats();
  expect(ready === 0 && inFlight === 4, `of 4 that were delivered ${ready} are ready`);
  expect((await receive({ max: 10 })).length === 0, 'what was handed over was delivered once more');
  const statuses = await end('ack', receipts(taken));
  expect(statuses.join() === 'acked,acked,acked', 'what was handed over could not be acked');
});

export const nothingComesEarly = scenario(1, async ({ put, send, receive, expect }) => {
  await put({});
  await send({ body: 1, delayMs: 400 }, { body: 2, delayMs: 150 });
  const startedAt = Date.now();
  const [first] = await receive({ waitMs: 3_000 });
  expect(Date.now() - startedAt >= 140, 'a delayed message came early');
  expect(Number(first?.body) === 2, 'delayed messages came in the wrong order');
  const [second] = await receive({ waitMs: 3_000 });
  expect(second !== undefined && Date.now() - startedAt >= 390, 'the later one came early');
});

export const groupsStayInOrder = scenario(2, async ({ put, send, receive, end, expect }) => {
  await put({});
  await send(...numbered(4, { groupId: 'A' }));
  const first = await receive({ max: 1 });
  expect((await receive({ max: 10 })).length === 0, 'a group had two batches in flight');
  await send({ body: 'late', groupId: 'A' });
  expect((await receive({ max: 10 })).length === 0, 'a send opened a group that was in flight');
  await end('nack', receipts(first), { delayMs: 100 });
  expect((await receive({ max: 10 })).length === 0, 'a later message overtook one that waits for its retry');
  await sleep(150);
  const bodies = (await receive({ max: 10 })).map(({ body }) => String(body));
  expect(bodies.join() === '0,1,2,3,late', `a group was delivered as ${bodies.join()}`);
  await send({ body: 'b', groupId: 'B' }, { body: 'behind', groupId: 'B', delayMs: 10_000 });
  const due = (await receive({ max: 10 })).map(({ body }) => String(body));
  expect(due.join() === 'b', `of a group with a delayed message these were delivered: ${due.join()}`);
});

export const deduplicationIsForgotten = scenario(1, async ({ put, send, expect, redis, queue }) => {
  await put({});
  await send({ body: 1, deduplicationId: 'D' });
  await send({ body: 1, deduplicationId: 'D' });
  for (const key of await redis.keys(`syncline:{queue:${queue}}:*:d:*`)) {
    const ms = await redis.pttl(key);
    expect(ms > 290_000 && ms <= 300_000, `a deduplication id is remembered for ${ms} ms`);
  }
});

export const deadLettersArriveOnce = scenario(
  2,
  async ({ put, send, receive, end, expect, stats, queue, redis, cluster }) => {
    await put({ maxReceives: 1 });
    await send(...numbered(250));
    const taken = await receive({ max: 1_000 });
    // Every node hears that there is something in the outbox, again and again.
    const reminding = setInterval(() => {
      for (const { nodeId } of cluster.sites) {
        const channel = `syncline.queue.queue.due.${nodeId}`;
        void redis.publish(channel, JSON.stringify({ pattern: channel, data: { queue, inMs: 0 } }));
      }
    }, 1);
    // By both nodes: each brings away what it finds in the outbox.
    const given = receipts(taken);
    const calls = Array.from({ length: 10 }, (_, i) => given.slice(25 * i, 25 * (i + 1)));
    const statuses = (await Promise.all(calls.map((some) => end('nack', some)))).flat();
    clearInterval(reminding);
    expect(
      statuses.every((status) => status === 'dead'),
      'a message was spared',
    );
    await sleep(1_500);
    expect((await stats()).dead === 250, 'the source counts other dead letters');
    const { ready, sent } = await stats(`${queue}.dead`);
    expect(ready === 250 && sent === 250, `${ready} of 250 dead letters are there, ${sent} came`);
  },
);

export const redriveMovesOnce = scenario(
  2,
  async ({ put, send, receive, end, expect, stats, queue, cluster }) => {
    await put({ maxReceives: 1 });
    await send(...numbered(150));
    await end('nack', receipts(await receive({ max: 1_000 })));
    const redrive = (i: number) =>
      call(cluster.sites[i]?.node.url ?? '', 'POST', `${queue}.dead/redrive`, {}, 10_000);
    const answers = await Promise.all([redrive(0), redrive(1), redrive(0), redrive(1)]);
    const moved = answers.reduce((sum, { body }) => sum + Number(body.moved), 0);
    expect(moved === 150, `150 dead letters were moved ${moved} times`);
    await sleep(1_200);
    const { ready, dead } = await stats();
    expect(ready === 150 && dead === 0, `${ready} of 150 came back, ${dead} still count as dead`);
  },
);

export const lostWakeUpsCostASecond = scenario(1, async ({ put, send, receive, expect, cluster }) => {
  for (const { proxy } of cluster.sites) proxy.dropMessages = true;
  await put({});
  const parked = receive({ waitMs: 6_000 });
  await sleep(300);
  const sentAt = performance.now();
  // Not at once: a send would hand it to a receiver of its own node, without a wake-up.
  await send({ body: 1, delayMs: 200 });
  const messages = await parked;
  const ms = performance.now() - sentAt;
  expect(
    messages.length === 1 && ms < 2_200,
    `a parked receiver got ${messages.length} messages after ${ms} ms`,
  );
});

export const unheardTimersCostASecond = scenario(2, async ({ put, send, expect, redis, queue, cluster }) => {
  await put({ maxReceives: 1, visibilityTimeoutMs: 100 });
  await sleep(1_500);
  for (const { proxy } of cluster.sites) proxy.dropMessages = true;
  // Through both nodes: one of them is not the owner.
  for (const [i, { node }] of cluster.sites.entries()) {
    await send({ body: i });
    await call(node.url, 'POST', `${queue}/receive`, {});
    await sleep(1_900);
    const dead = Number(await redis.hget(`syncline:{queue:${queue}}:queue`, 'dead'));
    expect(dead === i + 1, `a timeout went unnoticed: ${dead} dead letters, not ${i + 1}`);
  }
  for (const { proxy } of cluster.sites) proxy.dropMessages = false;
});

export const rateIsLimited = scenario(2, async ({ put, send, receive, expect }) => {
  await put({ rateLimit: { max: 10, perMs: 2_000 } });
  await send(...numbered(100));
  const startedAt = performance.now();
  let got = 0;
  while (performance.now() - startedAt < 1_000) got += (await receive({ max: 100 })).length;
  const allowed = 10 + Math.ceil(((performance.now() - startedAt) * 10) / 2_000);
  expect(got <= allowed, `${got} messages were received where the limit allows ${allowed}`);
});

export const fullQueuesRefuse = scenario(1, async ({ put, send, expect, stats }) => {
  await put({ maxLength: 3 });
  const statuses = [await send(...numbered(2)), await send(...numbered(2)), await send(...numbered(1))].map(
    ({ status }) => status,
  );
  expect(statuses.join() === '201,409,201', `a queue for 3 answered ${statuses.join()}`);
  expect((await stats()).ready === 3, 'a refused batch was taken in part');
});

export const purgeMissesNothing = scenario(2, async ({ put, send, receive, end, expect, queue, cluster }) => {
  await put({});
  await send(
    { body: 'flying' },
    { body: 'delayed', delayMs: 100 },
    { body: 'grouped', groupId: 'A' },
    { body: 'ready' },
  );
  const taken = receipts(await receive({ max: 1 }));
  await call(cluster.sites[1]?.node.url ?? '', 'POST', `${queue}/purge`, {});
  await send({ body: 'after' });
  const after = await receive({ max: 10, waitMs: 300 });
  expect(
    after.map(({ body }) => String(body)).join() === 'after',
    'something from before the purge was delivered',
  );
  expect((await end('ack', taken))[0] === 'stale', 'a receipt from before the purge was accepted');
  await sleep(150);
  expect((await receive({ max: 10 })).length === 0, 'something delayed from before the purge was delivered');
});

export const ttlsEnd = scenario(1, async ({ put, send, receive, expect, stats }) => {
  await put({});
  await send(
    { body: 1, ttlMs: 80 },
    { body: 2, ttlMs: 80, groupId: 'A' },
    { body: 3, groupId: 'A' },
    { body: 4, ttlMs: 80, delayMs: 79 },
  );
  await sleep(150);
  const bodies = (await receive({ max: 10 })).map(({ body }) => String(body));
  expect(bodies.join() === '3', `after their TTL these were delivered: ${bodies.join()}`);
  expect((await stats()).expired === 3, 'expired messages are not counted');
});

export const disconnectsDoNotCount = scenario(
  1,
  async ({ put, send, receive, expect, redis, queue, cluster }) => {
    await put({ maxReceives: 1, visibilityTimeoutMs: 60_000 });
    const [site] = cluster.sites;
    if (site === undefined) throw new Error('no node');
    await send({ body: 1 });
    // Redis hands the message out, its answer is held up, and meanwhile the caller goes away.
    site.proxy.hold('replies');
    await call(site.node.url, 'POST', `${queue}/receive`, {}, 150).catch(() => null);
    await sleep(100);
    site.proxy.heal();
    const deadline = performance.now() + 2_000;
    while (
      performance.now() < deadline &&
      (await redis.exists(`${await generation(redis, queue)}:inFlight`)) === 1
    )
      await sleep(20);
    const [again] = await receive();
    expect(
      again?.receiveCount === 1,
      'what was taken for a caller who had gone did not come back, or counts',
    );
  },
);

const generation = async (redis: Redis, queue: string) =>
  `syncline:{queue:${queue}}:${await redis.hget(`syncline:{queue:${queue}}:queue`, 'gen')}`;
