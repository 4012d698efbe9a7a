import { eventually, type NodeProcess } from '@syncline/testing';
import request from 'supertest';
import { NodesStage } from '../stages/nodes-stage.js';

describe('a message by its id, over HTTP', () => {
  const stage = NodesStage.forTests('queue', 2);
  const path = (rest: string) => `/v1/queues/${stage.name}/${rest}`;
  const post = (rest: string, body: object, node: NodeProcess = stage.node()) =>
    request(node.url).post(path(rest)).send(body);
  const send = async (...messages: object[]): Promise<string[]> => {
    const { body } = await post('messages', { messages }).expect(201);
    return body.messages.map(({ id }: { id: string }) => id);
  };
  const receive = async (options: object = {}) => {
    const { body } = await post('receive', options).expect(200);
    return body.messages as { id: string; receipt: string; deadLetter?: unknown }[];
  };
  const get = (id: string, query = '', node: NodeProcess = stage.node(1)) =>
    request(node.url).get(path(`messages/${id}${query}`));
  const remove = (id: string, body: object = {}) =>
    request(stage.node(1).url)
      .delete(path(`messages/${id}`))
      .send(body);
  const patch = (id: string, body: object) =>
    request(stage.node(1).url)
      .patch(path(`messages/${id}`))
      .send(body);
  /** Resolves when a node is to be told of the end of a message. */
  const awaited = () =>
    eventually(async () => {
      const gen = await stage.client.hget(`syncline:{queue:${stage.name}}:queue`, 'gen');
      expect(await stage.client.hlen(`syncline:{queue:${stage.name}}:${gen}:watched`)).toBe(1);
    });
  it('is shown in full, through any node', async () => {
    const [id = ''] = await send({ body: { n: 1 }, headers: { a: 'b' }, groupId: 'G', priority: 3 });
    const { body } = await get(id).expect(200);
    expect(body).toEqual({
      id,
      state: 'ready',
      body: { n: 1 },
      headers: { a: 'b' },
      groupId: 'G',
      priority: 3,
      enqueuedAt: expect.any(String),
      availableAt: null,
      receiveCount: 0,
      attempts: [],
      progress: null,
      result: null,
      why: { kind: 'none', until: null, blockedBy: null },
    });
    await receive();
    expect((await get(id)).body).toMatchObject({ state: 'inFlight', receiveCount: 1 });
    await get('1-1').expect(404);
    await get('nonsense').expect(404);
    await get(id, '?waitMs=x').expect(400);
  });

  it('answers 404 in a queue that does not exist', async () => {
    await get('1-1').expect(404);
    await remove('1-1').expect(404);
    await patch('1-1', { delayMs: 1 }).expect(404);
  });

  it('is rescheduled while it waits', async () => {
    const [id = '', other = ''] = await send({ body: 1 }, { body: 2 });
    const { body } = await patch(id, { delayMs: 600_000 }).expect(200);
    expect(body).toMatchObject({ id, state: 'delayed', why: { kind: 'delayed', until: body.availableAt } });
    expect(Date.parse(body.availableAt)).toBeGreaterThan(Date.now() + 500_000);
    expect((await receive({ max: 10 })).map((one) => one.id)).toEqual([other]);
    const refused = await patch(other, { priority: 1 }).expect(409);
    expect(refused.body.code).toBe('in-flight');
    await patch(id, {}).expect(400);
    await patch(id, { priority: 10 }).expect(400);
    await patch(id, { delayMs: 31_536_000_000 }).expect(400);

    const waiting = post('receive', { waitMs: 15_000 });
    const [got] = await Promise.all([waiting, patch(id, { delayMs: 0 })]);
    expect(got.body.messages).toMatchObject([{ id, body: 1 }]);
  });

  it('is cancelled while it waits, and in flight; once more is the same', async () => {
    const [first = '', second = ''] = await send({ body: 1 }, { body: 2 });
    await remove(second).expect(200, { status: 'cancelled', durability: 'local' });
    await remove(second, { reason: 'again' }).expect(200);
    const [held] = await receive({ max: 10 });
    await remove(first, { reason: 'withdrawn' }).expect(200);
    const { body } = await post('ack', { receipts: [held?.receipt] });
    expect(body.results).toEqual([{ receipt: held?.receipt, status: 'stale' }]);
    expect(await receive({ max: 10 })).toEqual([]);
    expect((await get(first)).body).toMatchObject({ id: first, state: 'cancelled', body: null });
    await remove('1-1').expect(404);
    await remove(first, { reason: 'x'.repeat(257) }).expect(400);
    const { stats } = (await request(stage.node().url).get(`/v1/queues/${stage.name}`)).body;
    expect(stats).toMatchObject({ sent: 2, acked: 0, expired: 2, ready: 0, inFlight: 0 });
  });

  it.each([
    ['acknowledged', 'done'],
    ['cancelled', 'cancelled'],
    ['dead', 'dead'],
  ])('is waited for until it was %s', async (how, state) => {
    const [id = ''] = await send({ body: 'awaited' });
    const shown = get(id, '?waitMs=30000').then((answer) => answer);
    await awaited();
    if (how === 'cancelled') await remove(id).expect(200);
    else {
      const [held] = await receive();
      const receipts = [held?.receipt];
      await (how === 'dead' ? post('nack', { receipts, dead: true }) : post('ack', { receipts })).expect(200);
    }
    const { body } = await shown;
    expect(body).toMatchObject({ id, state, body: 'awaited', why: { kind: 'none' } });
    const [last] = body.attempts.slice(-1);
    expect(last?.how).toBe({ acknowledged: 'acked', cancelled: undefined, dead: 'nacked' }[how]);
  });

  it('is kept with its result, which is waited for, and with its progress', async () => {
    const put = (configuration: object) =>
      request(stage.node().url).put(`/v1/queues/${stage.name}`).send(configuration);
    await put({ keepResultsMs: 600_000 }).expect(200);
    const [id = '', other = '', third = ''] = await send({ body: { n: 1 } }, { body: 2 }, { body: 3 });
    const shown = get(id, '?waitMs=30000').then((answer) => answer);
    await awaited();
    const held = await receive({ max: 3 });
    const [first, second, last] = held.map(({ receipt }) => receipt);
    const extension = { receipts: [first], visibilityTimeoutMs: 60_000, progress: { percent: 40 } };
    await post('extend', extension).expect(200);
    expect((await get(id)).body).toMatchObject({
      state: 'inFlight',
      progress: { percent: 40 },
      result: null,
    });
    // Each result is judged by itself.
    const large = 'x'.repeat(262_143);
    const { body } = await post('ack', { receipts: [first, second, last], results: [['ü'], large, null] });
    expect(body.results).toEqual([
      { receipt: first, status: 'acked' },
      { receipt: second, status: 400, problem: expect.objectContaining({ code: 'validation-failed' }) },
      { receipt: last, status: 'acked' },
    ]);
    const done = {
      id,
      state: 'done',
      body: { n: 1 },
      receiveCount: 1,
      progress: { percent: 40 },
      result: ['ü'],
      attempts: [{ how: 'acked', nodeId: 'queue_1', at: expect.any(String) }],
      why: { kind: 'none' },
    };
    expect((await shown).body).toMatchObject(done);
    expect((await get(id)).body).toMatchObject(done);
    expect((await get(third)).body).toMatchObject({
      state: 'done',
      result: null,
      attempts: [{ how: 'acked' }],
    });
    expect((await get(other)).body).toMatchObject({ state: 'inFlight', result: null });
    await post('ack', { receipts: [second], results: [] }).expect(400);
    await post('ack', { receipts: [second], results: [large.slice(2)] }).expect(200);
    expect((await get(other)).body.result).toHaveLength(262_141);
    await post('extend', { ...extension, progress: 'x'.repeat(4_095) }).expect(400);
    await remove(id).expect(404);
    await put({ keepResultsMs: -1 }).expect(400);
  });

  it('is shown as it is when the time to wait is over', async () => {
    const [id = ''] = await send({ body: 1 });
    expect((await get(id, '?waitMs=50').expect(200)).body.state).toBe('ready');
  });

  it('is waited for though the hint is lost', async () => {
    const [id = ''] = await send({ body: 1 });
    const shown = get(id, '?waitMs=30000').then((answer) => answer);
    await awaited();
    // As if the script had told another node.
    const key = `syncline:{queue:${stage.name}}`;
    const gen = await stage.client.hget(`${key}:queue`, 'gen');
    const [seq = ''] = await stage.client.hkeys(`${key}:${gen}:watched`);
    await stage.client.hset(`${key}:${gen}:watched`, seq, ' nobody ');
    const [held] = await receive();
    await post('ack', { receipts: [held?.receipt] }).expect(200);
    expect((await shown).body).toMatchObject({ id, state: 'done' });
  });

  it('keeps why it failed, also as a dead letter, which its first queue still finds', async () => {
    const nack = async (body: object) => {
      const [held] = await receive();
      return post('nack', { receipts: [held?.receipt], ...body });
    };
    const [another = ''] = await send({ body: 2 });
    expect((await nack({ reason: 'first', detail: 'd'.repeat(4_096) })).body.results[0].status).toBe(
      'requeued',
    );
    expect((await nack({ countsAs: 'none', reason: 'stopping' })).body.results[0].status).toBe('requeued');
    expect((await nack({ reason: 'ü'.repeat(128), dead: true })).body.results[0].status).toBe('dead');
    const { body } = await get(another).expect(200);
    const attempts = [
      { how: 'nacked', reason: 'first', detail: 'd'.repeat(4_096) },
      { how: 'stopped', reason: 'stopping', detail: null },
      { how: 'nacked', reason: 'ü'.repeat(128), detail: null },
    ];
    expect(body).toMatchObject({ id: another, state: 'dead', receiveCount: 2, attempts });
    expect(body.deadLetter).toMatchObject({ queue: stage.name, reason: 'rejected', attempts });
    for (const { at, nodeId, endedAt } of body.attempts) {
      expect(nodeId).toBe('queue_1');
      expect(Date.parse(endedAt)).toBeGreaterThanOrEqual(Date.parse(at));
    }
    const inDead = await request(stage.node().url).get(`/v1/queues/${stage.name}.dead/messages/${another}`);
    expect(inDead.body).toMatchObject({ id: another, state: 'ready' });
    await request(stage.node().url).post(`/v1/queues/${stage.name}.dead/redrive`).send({}).expect(200);
    expect((await get(another)).body).toMatchObject({ id: another, state: 'ready', body: 2 });
    const receipts = ['1795409663123456.0.1.5k.kQ4nXo1r0cPvY2bd'];
    await post('nack', { receipts, detail: 'd'.repeat(4_096) }).expect(200);
    await post('nack', { receipts, detail: 'd'.repeat(4_097) }).expect(400);
    await post('nack', { receipts, reason: 'ü'.repeat(129) }).expect(400);
  });

  it('tells a worker at once which of its deliveries were cancelled', async () => {
    const [first = '', second = ''] = await send({ body: 1 }, { body: 2 });
    const held = await receive({ max: 2 });
    const receipts = held.map(({ receipt }) => receipt);
    const watching = post('watch', { receipts, waitMs: 30_000 }).then((answer) => answer);
    await remove(second, { reason: 'withdrawn' }).expect(200);
    const cancelled = [{ receipt: receipts[1], reason: 'withdrawn' }];
    expect((await watching).body).toEqual({ cancelled });
    // Also when it asks later.
    expect((await post('watch', { receipts })).body).toEqual({ cancelled });
    expect((await post('watch', { receipts: [receipts[0]], waitMs: 10 })).body).toEqual({ cancelled: [] });
    await remove(first).expect(200);
  });

  it('is no longer waited for by a client that has gone', async () => {
    const [id = ''] = await send({ body: 1 });
    const controller = new AbortController();
    const url = `${stage.node().url}${path(`messages/${id}?waitMs=30000`)}`;
    const gone = fetch(url, { signal: controller.signal });
    await awaited();
    controller.abort();
    await expect(gone).rejects.toThrow();
    const [held] = await receive();
    await post('ack', { receipts: [held?.receipt] }).expect(200);
    expect((await get(id)).body).toMatchObject({ state: 'done' });
  });
});
