import { idsOf, type Message } from './client.js';
import { scenario } from './stage.js';

const bodiesOf = (messages: readonly Message[]) => messages.map(({ body }) => String(body)).join();

export const cancelledIsNotDelivered = scenario(
  2,
  async ({ put, send, receive, end, byId, expect, stats }) => {
    await put({});
    const ids = idsOf(
      await send(
        { body: 'flying', groupId: 'A' },
        { body: 'next', groupId: 'A' },
        { body: 'ready' },
        { body: 'delayed', delayMs: 100 },
      ),
    );
    const [flying] = await receive({ max: 1 });
    for (const id of [ids[0], ids[2], ids[3]]) {
      const { status } = await byId('DELETE', id ?? '', {});
      expect(status === 200, `a cancel was answered by ${status}`);
    }
    const acked = await end('ack', [flying?.receipt ?? '']);
    expect(acked[0] === 'stale', 'the receipt of a cancelled message was accepted');
    const after = bodiesOf([...(await receive({ max: 10 })), ...(await receive({ max: 10, waitMs: 400 }))]);
    expect(after === 'next', `after the cancels these were delivered: ${after}`);
    expect((await stats()).expired === 3, 'cancelled messages are not counted');
  },
);

export const rescheduledIsDeliveredOnce = scenario(2, async ({ put, send, receive, end, byId, expect }) => {
  await put({});
  const ids = idsOf(await send({ body: 1 }, { body: 2 }, { body: 3, delayMs: 60_000 }, { body: 4 }));
  await byId('PATCH', ids[1] ?? '', { delayMs: 60_000 });
  await byId('PATCH', ids[2] ?? '', { delayMs: 0 });
  await byId('PATCH', ids[3] ?? '', { priority: 9 });
  const first = await receive({ max: 10 });
  expect(bodiesOf(first) === '4,1,3', `delivered in this order: ${bodiesOf(first)}`);
  await byId('PATCH', ids[1] ?? '', { delayMs: 50 });
  const second = await receive({ max: 10, waitMs: 5_000 });
  expect(bodiesOf(second) === '2', `after its delay came: ${bodiesOf(second)}`);
  const receipts = [...first, ...second].map(({ receipt }) => receipt);
  expect(
    (await end('ack', receipts)).every((status) => status === 'acked'),
    'not all could be acked',
  );
});

export const lostEndsCostASecond = scenario(
  1,
  async ({ put, send, receive, end, byId, expect, redis, queue }) => {
    await put({});
    const [id = ''] = idsOf(await send({ body: 1 }));
    const shown = byId('GET', `${id}?waitMs=5000`);
    const key = `syncline:{queue:${queue}}`;
    const watched = `${key}:${await redis.hget(`${key}:queue`, 'gen')}:watched`;
    let [seq] = await redis.hkeys(watched);
    while (seq === undefined) [seq] = await redis.hkeys(watched);
    // As if the hint for the node were lost: another one is told.
    await redis.hset(watched, seq, ' nobody ');
    const [taken] = await receive();
    await end('ack', [taken?.receipt ?? '']);
    const { status, body } = await shown;
    expect(status === 200 && body.state === 'done', `who waited was told ${status} ${String(body.state)}`);
    expect(body.body === 1, 'who waited was not told the message');
  },
);
