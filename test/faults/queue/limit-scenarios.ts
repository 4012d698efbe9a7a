import { setTimeout as sleep } from 'node:timers/promises';
import { call, idsOf, type Message } from './client.js';
import { scenario } from './stage.js';

const receipts = (messages: readonly Message[]) => messages.map(({ receipt }) => receipt);
const bodiesOf = (messages: readonly Message[]) => messages.map(({ body }) => String(body)).join();
const numbered = (count: number, extra: object = {}) =>
  Array.from({ length: count }, (_, body) => ({ body, ...extra }));

export const noMoreInFlightThanAllowed = scenario(
  2,
  async ({ put, send, receive, end, expect, stats, ...stage }) => {
    await put({ maxInFlight: 3 });
    // Who waits is handed over what is sent, by a send through the same node.
    const [site] = stage.cluster.sites;
    const there = async (path: string, body: object) =>
      (await call(site?.node.url ?? '', 'POST', `${stage.queue}/${path}`, body, 10_000)).body;
    const parked = Array.from({ length: 6 }, () => there('receive', { max: 2, waitMs: 1_500 }));
    await sleep(300);
    for (const body of [100, 101, 102, 103, 104, 105]) await there('messages', { messages: [{ body }] });
    await send(...numbered(10));
    const taken = (await Promise.all(parked)).flatMap(({ messages }) => messages as Message[]);
    expect(taken.length === 3, `${taken.length} are in flight, 3 may be`);
    const more = (await Promise.all([1, 2, 3, 4].map(() => receive({ max: 10 })))).flat();
    expect(more.length === 0, `${more.length} more were handed out`);
    // Each way in which one ends makes room for one.
    const [first = '', second = '', third = ''] = receipts(taken);
    await end('ack', [first]);
    await end('nack', [second], { delayMs: 60_000 });
    await end('extend', [third], { visibilityTimeoutMs: 1 });
    await sleep(50);
    const next = (await Promise.all([1, 2, 3, 4].map(() => receive({ max: 10 })))).flat();
    expect(next.length === 3, `${next.length} were handed out for 3 that had ended`);
    expect((await stats()).inFlight === 3, 'it is not counted what is in flight');
  },
);

export const groupsKeepTheirLimit = scenario(2, async ({ put, send, receive, end, byId, expect }) => {
  await put({ maxInFlightPerGroup: 2 });
  const ids = idsOf(await send(...numbered(6, { groupId: 'A' })));
  await send({ body: 'b', groupId: 'B' });
  const taken = [...(await receive()), ...(await receive()), ...(await receive({ max: 10 }))];
  expect(bodiesOf(taken) === '0,1,b', `of two groups these were handed out: ${bodiesOf(taken)}`);
  const [first = '', second = ''] = receipts(taken);
  await end('nack', [first], { delayMs: 300 });
  const while0Waits = await receive({ max: 10 });
  expect(bodiesOf(while0Waits) === '2', `while one waited these were handed out: ${bodiesOf(while0Waits)}`);
  await end('ack', [second]);
  await sleep(400);
  const back = await receive({ max: 10 });
  expect(bodiesOf(back) === '0', `what came back goes first, but these were handed out: ${bodiesOf(back)}`);
  await byId('DELETE', ids[2] ?? '', {});
  await end('ack', receipts(back));
  const last = await receive({ max: 10 });
  expect(bodiesOf(last) === '3,4', `after a cancel and an ack these were handed out: ${bodiesOf(last)}`);
});

/** Lowering a limit must not forget what was in flight when it was higher. */
export const limitsChangeSafely = scenario(2, async ({ put, send, receive, end, expect, stats }) => {
  await put({ maxInFlightPerGroup: 3 });
  await send(...numbered(4, { groupId: 'A' }));
  const [first = '', second = ''] = receipts(await receive({ max: 2 }));
  await put({});
  expect((await receive({ max: 10 })).length === 0, 'a group that is in flight was handed out');
  await end('nack', [first], { delayMs: 0 });
  await end('ack', [second]);
  const rest = await receive({ max: 10 });
  expect(bodiesOf(rest) === '0,2,3', `in order these were left: ${bodiesOf(rest)}`);
  await put({ maxInFlightPerGroup: 4 });
  await send({ body: 4, groupId: 'A' });
  const fourth = await receive({ max: 10 });
  expect(bodiesOf(fourth) === '4', `with room for one more these were handed out: ${bodiesOf(fourth)}`);
  await end('ack', [...receipts(rest), ...receipts(fourth)]);
  const { ready, inFlight } = await stats();
  expect(ready === 0 && inFlight === 0, `${ready} are ready and ${inFlight} in flight, all were acked`);
});

export const groupsTakeTurns = scenario(2, async ({ put, send, receive, end, expect }) => {
  await put({ ordering: 'fair' });
  const take = async (count: number) => {
    const order: string[] = [];
    for (let i = 0; i < count; i += 1) {
      const [message] = await receive();
      if (message === undefined) break;
      order.push(String(message.body));
      await end('ack', [message.receipt]);
    }
    return order.sort().join('');
  };
  await send(...Array.from({ length: 60 }, () => ({ body: 'a', groupId: 'A' })));
  expect((await take(10)) === 'a'.repeat(10), 'one that is alone was not served');
  await send(...Array.from({ length: 10 }, () => ({ body: 'b', groupId: 'B' })));
  for (let i = 0; i < 3; i += 1) {
    const order = await take(4);
    expect(order === 'aabb', `of two that take turns these were handed out: ${order}`);
  }
  await send({ body: 'c' });
  const order = await take(3);
  expect(order === 'abc', `of three that take turns these were handed out: ${order}`);
  const batch = await receive({ max: 3 });
  expect(new Set(batch.map(({ body }) => body)).size === 2, `one receive had ${bodiesOf(batch)}`);
  const more = await receive({ max: 10 });
  expect(more.length === 0, `while each has a batch in flight these were handed out: ${bodiesOf(more)}`);
  await end('ack', receipts(batch));
});
