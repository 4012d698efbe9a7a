import { setTimeout as sleep } from 'node:timers/promises';
import { idsOf } from './client.js';
import { scenario } from './stage.js';

export const theLastIsDelivered = scenario(2, async ({ put, send, receive, expect, stats }) => {
  await put({});
  // Another priority is another place.
  const message = (body: number, delayMs: number) => ({
    body,
    delayMs,
    priority: body,
    deduplication: { id: 'D', keep: 'last' },
  });
  const ids = idsOf(await send(message(0, 1_000)));
  for (let i = 1; i < 4; i += 1) ids.push(...idsOf(await send(message(i, 600_000))));
  expect(new Set(ids).size === 1, `four that replace each other are ${ids.join()}`);
  await sleep(1_100);
  const early = await receive({ max: 10 });
  expect(early.length === 0, 'what was pushed back came when the first one was due');
  await send(message(4, 600_000), message(5, 1));
  const taken = await receive({ max: 10, waitMs: 5_000 });
  const bodies = taken.map(({ body }) => String(body)).join();
  expect(bodies === '5', `of messages that replace each other these came: ${bodies}`);
  await send(message(6, 0));
  const next = (await receive({ max: 10 })).map(({ body }) => String(body)).join();
  expect(next === '6', `after the delivery of the one before these came: ${next}`);
  expect((await stats()).sent === 2, 'a replacement was counted as a message');
});

export const uniqueUntilItsEnd = scenario(2, async ({ put, send, receive, end, byId, expect }) => {
  await put({ deduplicationWindowMs: 1 });
  const sendOne = async () =>
    idsOf(await send({ body: 1, deduplication: { id: 'D', until: 'acked' } }))[0] ?? '';
  const first = await sendOne();
  const [failed] = await receive();
  await end('nack', [failed?.receipt ?? ''], { delayMs: 0 });
  const [taken] = await receive();
  await sleep(20);
  expect((await sendOne()) === first, 'a message in flight was sent twice');
  await end('ack', [taken?.receipt ?? '']);
  const second = await sendOne();
  expect(second !== first, 'a deduplication id outlived the ack');
  await byId('DELETE', second, {});
  expect((await sendOne()) !== second, 'a deduplication id outlived the cancel');
});
