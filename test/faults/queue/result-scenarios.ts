import { setTimeout as sleep } from 'node:timers/promises';
import { idsOf, type Message } from './client.js';
import { scenario } from './stage.js';

const receiptOf = ([message]: readonly Message[]) => message?.receipt ?? '';

export const resultsAreOfTheAckThatCounted = scenario(
  2,
  async ({ put, send, receive, end, byId, expect }) => {
    await put({ keepResultsMs: 60_000 });
    const [id = ''] = idsOf(await send({ body: 1 }));
    const old = receiptOf(await receive({ visibilityTimeoutMs: 50 }));
    await sleep(100);
    const taken = receiptOf(await receive());
    const shown = byId('GET', `${id}?waitMs=5000`);
    await end('extend', [taken], { visibilityTimeoutMs: 10_000, progress: 50 });
    await end('ack', [old], { results: ['old'] });
    await end('ack', [old, taken], { results: ['old', 'new'] });
    await end('ack', [taken], { results: ['again'] });
    await end('ack', [old], { results: ['old'] });
    for (const { body } of [await shown, await byId('GET', id)]) {
      expect(body.state === 'done' && body.result === 'new', `the result is ${JSON.stringify(body)}`);
      expect(body.progress === 50, `its progress was ${String(body.progress)}`);
    }
  },
);

export const resultsAreForgotten = scenario(
  1,
  async ({ put, send, receive, end, byId, expect, stats, redis, queue }) => {
    await put({ keepResultsMs: 200 });
    const [id = ''] = idsOf(await send({ body: 1 }));
    await end('ack', [receiptOf(await receive())], { results: ['x'.repeat(100)] });
    expect(((await stats()).bytes ?? 0) > 100, 'a result that is kept is not counted');
    expect((await byId('GET', id)).status === 200, 'a result is not kept');
    // Nobody asks meanwhile: the timers of the owner do it.
    await sleep(1_500);
    const keys = await redis.keys(`syncline:{queue:${queue}}:*:results*`);
    expect(keys.length === 0, `after their time these are left: ${keys.join()}`);
    expect((await stats()).bytes === 0, 'a result that is gone is counted');
  },
);
