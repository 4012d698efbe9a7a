import request from 'supertest';
import { NodesStage } from '../stages/nodes-stage.js';

interface Page {
  readonly messages: { readonly id: string; readonly body: unknown }[];
  readonly cursor: string | null;
  readonly examined: number;
}

describe('messages by what they have, over HTTP', () => {
  const stage = NodesStage.forTests('queue', 1);
  const post = (rest: string, body: object, queue = stage.name) =>
    request(stage.node().url).post(`/v1/queues/${queue}/${rest}`).send(body);
  const send = async (...messages: object[]): Promise<string[]> => {
    const { body } = await post('messages', { messages }).expect(201);
    return body.messages.map(({ id }: { id: string }) => id);
  };
  const search = async (body: object, queue = stage.name): Promise<Page> =>
    (await post('messages/search', body, queue).expect(200)).body;
  const bodies = ({ messages }: Page) => messages.map(({ body }) => body);
  const stats = async (queue = stage.name) =>
    (await request(stage.node().url).get(`/v1/queues/${queue}`).expect(200)).body.stats;
  /** Fails messages for good, each with a reason. */
  const kill = async (reasons: readonly string[]) => {
    const { body } = await post('receive', { max: reasons.length }).expect(200);
    for (const [i, reason] of reasons.entries()) {
      const receipts = [body.messages[i].receipt];
      await post('nack', { receipts, reason, dead: true }).expect(200);
    }
  };

  it('are found by id, group, header and body, in each state', async () => {
    const [first = ''] = await send(
      { body: { orderId: 42, note: 'a "quoted" note' }, headers: { tenant: 'a', 'x"y': 'ü\n' } },
      { body: 'a "quoted" text', groupId: 'G', headers: { tenant: 'ab' } },
      { body: 42, delayMs: 600_000, headers: { tenant: 'a' } },
      { body: 'taken', priority: 9 },
    );
    await post('receive', {}).expect(200);
    const found = async (where: object, state = 'ready') => bodies(await search({ state, where }));
    const order = { orderId: 42, note: 'a "quoted" note' };
    expect(await found({})).toEqual([order, 'a "quoted" text']);
    expect(await found({ id: first })).toEqual([order]);
    expect(await found({ id: first }, 'delayed')).toEqual([]);
    expect(await found({ id: '1-1' })).toEqual([]);
    expect(await found({ groupId: 'G' })).toEqual(['a "quoted" text']);
    expect(await found({ header: { tenant: 'a' } })).toEqual([order]);
    expect(await found({ header: { tenant: 'a', 'x"y': 'ü\n' } })).toEqual([order]);
    expect(await found({ header: { tenant: 'b' } })).toEqual([]);
    expect(await found({ header: { constructor: 'a' } })).toEqual([]);
    expect(await found({ body: '"orderId":42' })).toEqual([order]);
    expect(await found({ body: 'a "quoted" t' })).toEqual(['a "quoted" text']);
    expect(await found({ body: '42', header: { tenant: 'a' } }, 'delayed')).toEqual([42]);
    expect(await found({ body: 'taken' }, 'inFlight')).toEqual(['taken']);
    expect(await found({ body: 'taken', groupId: 'G' }, 'inFlight')).toEqual([]);
    expect(await found({ body: '.*' })).toEqual([]);
  });

  it('are examined 5,000 a call at most, and a cursor goes on', async () => {
    for (let i = 0; i < 6; i += 1) {
      await send(...Array.from({ length: 1_000 }, (_, k) => ({ body: `${i * 1_000 + k}.` })));
    }
    const first = await search({ state: 'ready', where: { body: '5999.' } });
    expect(first).toEqual({ messages: [], cursor: expect.any(String), examined: 5_000 });
    const second = await search({ state: 'ready', where: { body: '5999.' }, cursor: first.cursor });
    expect([bodies(second), second.cursor, second.examined]).toEqual([['5999.'], null, 1_000]);

    const seen: unknown[] = [];
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page: Page = await search({ state: 'ready', where: { body: '999.' }, limit: 2, cursor });
      expect(page.messages.length).toBeLessThanOrEqual(2);
      seen.push(...bodies(page));
      cursor = page.cursor;
    }
    expect(seen).toEqual(['999.', '1999.', '2999.', '3999.', '4999.', '5999.']);

    let [deleted, calls] = [0, 0];
    for (let cursor: string | null | undefined; cursor !== null; calls += 1) {
      const { body } = await post('messages/delete', { where: { body: '9.' }, cursor, max: 400 }).expect(200);
      deleted += body.deleted;
      cursor = body.cursor;
    }
    expect([deleted, calls > 1]).toEqual([600, true]);
    expect(await stats()).toMatchObject({ ready: 5_400, expired: 600, sent: 6_000 });
  });

  it('are found and redriven as dead letters by the reason of their last failure', async () => {
    await send({ body: 1 }, { body: 2 }, { body: 3 }, { body: 4 });
    await kill(['TimeoutError: bank', 'SyntaxError: x', 'TimeoutError: post', 'other']);
    const dead = `${stage.name}.dead`;
    const where = { reason: 'TimeoutError' };
    expect(bodies(await search({ state: 'dead', where }))).toEqual([1, 3]);
    expect(bodies(await search({ state: 'ready', where }, dead))).toEqual([1, 3]);
    expect(bodies(await search({ state: 'ready', where }))).toEqual([]);
    await post('redrive', { where, max: 1 }, dead).expect(200, { moved: 1, cursor: 'ready@1' });
    await post('redrive', { where, cursor: 'ready@1' }, dead).expect(200, { moved: 1, cursor: null });
    const [other] = (await search({ state: 'dead', where: { reason: 'other' } })).messages;
    await post('redrive', { ids: [other?.id, '1-1'] }, dead).expect(200, { moved: 1, cursor: null });
    expect(bodies(await search({ state: 'ready', where: {} }))).toEqual([1, 3, 4]);
    expect(await stats()).toMatchObject({ ready: 3, dead: 1 });
    await post('redrive', {}, dead).expect(200, { moved: 1 });
    expect(await stats(dead)).toMatchObject({ ready: 0, sent: 4, acked: 4 });
  });

  it('are found by the reason of what they wait for again', async () => {
    await send({ body: 1 }, { body: 2 });
    const { body } = await post('receive', {}).expect(200);
    await post('nack', { receipts: [body.messages[0].receipt], reason: 'bank is closed' }).expect(200);
    expect(bodies(await search({ state: 'ready', where: { reason: 'bank' } }))).toEqual([1]);
  });

  it('are deleted by their ids, in flight too', async () => {
    const ids = await send({ body: 1 }, { body: 2 }, { body: 3, delayMs: 600_000 }, { body: 4 });
    const { body } = await post('receive', {}).expect(200);
    await post('messages/delete', { ids: [...ids.slice(0, 3), '1-1'] }).expect(200, {
      deleted: 3,
      cursor: null,
    });
    const acked = await post('ack', { receipts: [body.messages[0].receipt] });
    expect(acked.body.results[0].status).toBe('stale');
    expect(await stats()).toMatchObject({ ready: 1, delayed: 0, inFlight: 0, expired: 3 });
  });

  it('are selected by what is well-formed only', async () => {
    await send({ body: 1 });
    for (const [call, body] of [
      ['messages/search', { where: {} }],
      ['messages/search', { state: 'ready', where: { nonsense: 'x' } }],
      ['messages/search', { state: 'ready', where: { header: { a: 1 } } }],
      ['messages/search', { state: 'ready', cursor: 'nonsense' }],
      ['messages/search', { state: 'delayed', cursor: '1' }],
      ['messages/delete', {}],
      ['messages/delete', { where: {} }],
      ['messages/delete', { ids: [] }],
      ['messages/delete', { ids: ['1-1'], where: { body: 'x' } }],
      ['messages/delete', { where: { body: 'x' }, cursor: '5' }],
      ['redrive', { where: {} }],
    ] as const) {
      const { status } = await post(call, body);
      expect([call, body, status]).toEqual([call, body, 400]);
    }
    await post('messages/search', { state: 'ready' }, 'nowhere').expect(404);
    await post('messages/search', { state: 'dead' }, 'nowhere').expect(404);
    await post('messages/delete', { ids: ['1-1'] }, 'nowhere').expect(404);
    expect(await search({ state: 'dead' })).toEqual({ messages: [], cursor: null, examined: 0 });
  });
});
