import { request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, NodeProcess, RedisServer } from '@syncline/testing';
import request from 'supertest';

/** Of the form of a receipt, and genuine in no queue. */
const RECEIPT = '1795409663123456.0.1.5k.kQ4nXo1r0cPvY2bd';
const PROBLEM = /application\/problem\+json/;

interface Message {
  readonly id: string;
  readonly body: unknown;
  readonly receipt: string;
  readonly receiveCount: number;
}

describe('the HTTP contract of the queue', () => {
  let redis: RedisServer;
  let node: NodeProcess;
  let queue: string;
  let count = 0;

  beforeAll(async () => {
    redis = await RedisServer.start();
    node = await NodeProcess.start('queue', { redisUrl: redis.url, nodeId: 'queue_1' });
  });
  afterAll(async () => {
    await node.stop();
    await redis.stop();
  });
  beforeEach(() => {
    queue = `orders-${count++}`;
  });

  const path = (call = '', name = queue) => `/v1/queues/${encodeURIComponent(name)}${call && `/${call}`}`;
  const put = (body: object = {}) => request(node.url).put(path()).send(body);
  const get = (name = queue) => request(node.url).get(path('', name));
  const post = (call: string, body: object = {}, name = queue) =>
    request(node.url).post(path(call, name)).send(body);
  const send = (...messages: object[]) => post('messages', { messages });
  /** Resolves when so many receivers are parked. */
  const parkedReceivers = async (count: number) => {
    const client = redis.connect();
    try {
      await eventually(async () => expect(await client.zcard(`syncline:{queue:${queue}}:w`)).toBe(count));
    } finally {
      client.disconnect();
    }
  };
  const receive = async (body: object = {}, name = queue): Promise<Message[]> =>
    (await post('receive', body, name).expect(200)).body.messages;

  it('makes a queue with defaults, shows it, and replaces its whole configuration', async () => {
    const configuration = {
      visibilityTimeoutMs: 30_000,
      maxReceives: 5,
      deadLetterQueue: `${queue}.dead`,
      retentionMs: 1_209_600_000,
      maxLength: null,
      maxBytes: null,
      backoff: null,
      rateLimit: null,
      deduplicationWindowMs: 300_000,
      keepResultsMs: 0,
      maxInFlight: null,
      maxInFlightPerGroup: 1,
      ordering: 'group',
      maxMessageBytes: 262_144,
      durability: 'local',
    };
    const stats = {
      ready: 0,
      delayed: 0,
      inFlight: 0,
      dead: 0,
      bytes: 0,
      oldestAgeMs: 0,
      oldestReadyAgeMs: 0,
      sent: 0,
      received: 0,
      acked: 0,
      failed: 0,
      expired: 0,
      lost: 0,
    };
    const { body } = await put().expect(200);
    expect(body).toEqual({ name: queue, ...configuration, paused: false, stats });
    const changed = {
      maxReceives: 2,
      backoff: { baseMs: 10, factor: 2, maxMs: 100 },
      rateLimit: { max: 5, perMs: 100 },
    };
    await put({ ...changed, maxLength: 7 }).expect(200);
    expect((await get().expect(200)).body).toMatchObject({ ...configuration, ...changed, maxLength: 7 });
    expect((await put().expect(200)).body).toMatchObject(configuration);
  });

  it('lists queues in order of name, page by page', async () => {
    const names = ['c', 'a', 'b'].map((suffix) => `list-${count}-${suffix}`);
    for (const name of names) await request(node.url).put(path('', name)).send({}).expect(200);
    const list = async (query: string) =>
      (await request(node.url).get(`/v1/queues?${query}`).expect(200)).body;
    const prefix = `prefix=list-${count}-`;
    const first = await list(`${prefix}&limit=2`);
    const second = await list(`${prefix}&limit=2&cursor=${first.cursor}`);
    const found = [...first.queues, ...second.queues];
    expect(found.map(({ name }: { name: string }) => name)).toEqual([...names].sort());
    expect(found[0].stats.ready).toBe(0);
    expect(second.cursor).toBeNull();
  });

  it('sends, receives, acknowledges', async () => {
    const sent = await send(
      { body: { orderId: 42 }, headers: { source: 'shop' }, priority: 3, groupId: 'G' },
      { body: 'text' },
    ).expect(201);
    expect(sent.body).toEqual({
      messages: [
        { id: expect.any(String), deduplicated: false },
        { id: expect.any(String), deduplicated: false },
      ],
      durability: 'local',
    });
    const messages = await receive({ max: 10 });
    expect(messages).toEqual([
      {
        id: sent.body.messages[0].id,
        body: { orderId: 42 },
        headers: { source: 'shop' },
        receipt: expect.any(String),
        receiveCount: 1,
        enqueuedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        visibleUntil: expect.stringMatching(/Z$/),
        priority: 3,
        groupId: 'G',
      },
      expect.objectContaining({ body: 'text', headers: {}, priority: 0, groupId: null }),
    ]);
    const receipts = messages.map(({ receipt }) => receipt);
    const acked = await post('ack', { receipts }).expect(200);
    const results = receipts.map((receipt) => ({ receipt, status: 'acked' }));
    expect(acked.body).toEqual({ results, durability: 'local' });
    expect((await post('ack', { receipts }).expect(200)).body).toEqual(acked.body);
    expect(await receive()).toEqual([]);
  });

  it('returns any JSON value exactly as it was sent', async () => {
    const bodies = [null, true, 0, -1.5, 'ü 𝄞 \u0000', '', [], {}, [1, [2, { a: null }]], { ключ: '"\\' }];
    await send(...bodies.map((body) => ({ body }))).expect(201);
    expect((await receive({ max: 100 })).map(({ body }) => body)).toEqual(bodies);
  });

  it('does not accept a receipt of another queue', async () => {
    await send({ body: 1 });
    await request(node.url)
      .put(path('', `${queue}-other`))
      .send({});
    const [message] = await receive();
    const { body } = await post('ack', { receipts: [message?.receipt] }, `${queue}-other`).expect(200);
    expect(body.results[0].status).toBe('stale');
  });

  it('delivers again after the visibility timeout, within 100 ms and to a parked receiver', async () => {
    await put({ visibilityTimeoutMs: 300, maxReceives: 100 });
    await send({ body: 1 });
    const [first] = await receive();
    let lastReceivedAt = Date.now();
    let earliest = Number.POSITIVE_INFINITY;
    // A busy machine may be late, but not each time; a beat alone, once a second, would hardly ever be in time.
    for (let deliveries = 2; deliveries <= 7 && earliest >= 400; deliveries += 1) {
      const [next] = await receive({ waitMs: 30_000 });
      expect(next).toMatchObject({ id: first?.id, receiveCount: deliveries });
      earliest = Math.min(earliest, Date.now() - lastReceivedAt);
      lastReceivedAt = Date.now();
    }
    expect(earliest).toBeLessThan(400);
    const stale = await post('ack', { receipts: [first?.receipt] });
    expect(stale.body.results[0].status).toBe('stale');
  });

  it('gives back without counting a failure, as often as it takes', async () => {
    await put({ maxReceives: 1, backoff: { baseMs: 60_000, factor: 1, maxMs: 60_000 } });
    await send({ body: 1 });
    const receipts: string[] = [];
    for (let i = 0; i < 3; i++) {
      const [message] = await receive();
      expect(message).toMatchObject({ body: 1, receiveCount: 1 });
      receipts.push(message?.receipt ?? '');
      const { body } = await post('nack', { receipts, countsAs: 'none' }).expect(200);
      expect(body.results.map(({ status }: { status: string }) => status)).toEqual([
        ...receipts.slice(1).map(() => 'stale'),
        'requeued',
      ]);
    }
    const [message] = await receive();
    const nacked = await post('nack', { receipts: [message?.receipt], countsAs: 'failure' }).expect(200);
    expect(nacked.body.results[0].status).toBe('dead');
    await post('nack', { receipts, countsAs: 'nothing' }).expect(400);
  });

  it('extends and shortens a delivery', async () => {
    await put({ visibilityTimeoutMs: 3_000 });
    await send({ body: 1 }, { body: 2 });
    const [long, short] = await receive({ max: 2 });
    const receivedAt = Date.now();
    await post('extend', { receipts: [long?.receipt], visibilityTimeoutMs: 60_000 });
    await post('extend', { receipts: [short?.receipt], visibilityTimeoutMs: 20 });
    const again = await receive({ max: 10, waitMs: 30_000, visibilityTimeoutMs: 60_000 });
    expect(again.map(({ body }) => body)).toEqual([2]);
    await sleep(Math.max(0, receivedAt + 3_100 - Date.now()));
    expect(await receive({ max: 10 })).toEqual([]);
    const acked = await post('ack', { receipts: [long?.receipt] });
    expect(acked.body.results[0].status).toBe('acked');
  });

  it('wakes parked receivers in order of arrival, one for each message', async () => {
    await put();
    const answered: number[] = [];
    const parked = [];
    for (const i of [0, 1, 2]) {
      parked.push(
        receive({ waitMs: 30_000 }).then((messages) => {
          answered.push(i);
          return messages;
        }),
      );
      await parkedReceivers(i + 1);
    }
    await send({ body: 'a' });
    await eventually(() => expect(answered).toEqual([0]));
    await send({ body: 'b' }, { body: 'c' });
    const received = await Promise.all(parked);
    expect(received.map((messages) => messages.map(({ body }) => body))).toEqual([['a'], ['b'], ['c']]);
  });

  it('delivers a delayed message to a parked receiver in time, never early', async () => {
    await put();
    const lateness: number[] = [];
    for (let i = 0; i < 10; i += 1) {
      const { body } = await send({ body: i, delayMs: 100 }).expect(201);
      const [message] = (await post('receive', { waitMs: 30_000 })).body.messages;
      expect(message.id).toBe(body.messages[0].id);
      lateness.push(Date.now() - Date.parse(message.enqueuedAt) - 100);
      await post('ack', { receipts: [message.receipt] });
    }
    expect(Math.min(...lateness)).toBeGreaterThanOrEqual(0);
    // A busy machine may be late, but not each time; a beat alone, once a second, would hardly ever be in time.
    expect(Math.min(...lateness)).toBeLessThan(20);
  });

  it('answers an empty list when the wait is over', async () => {
    await put();
    const startedAt = performance.now();
    expect(await receive({ waitMs: 300 })).toEqual([]);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(290);
  });

  it('keeps nothing for a receiver that disconnects', async () => {
    await put();
    const disconnecting = httpRequest(`${node.url}${path('receive')}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
    });
    disconnecting.on('error', () => {});
    disconnecting.end(JSON.stringify({ waitMs: 20_000 }));
    const client = redis.connect();
    const line = `syncline:{queue:${queue}}:w`;
    await eventually(async () => expect(await client.zcard(line)).toBe(1));
    disconnecting.destroy();
    await eventually(async () => expect(await client.exists(line)).toBe(0));
    client.disconnect();
    await send({ body: 1 });
    expect(await receive()).toHaveLength(1);
  });

  it('moves a message to the dead letters, and back by a redrive', async () => {
    await put({ maxReceives: 2 });
    await send({ body: { poison: true }, headers: { a: 'b' } });
    for (const status of ['requeued', 'dead']) {
      const [message] = await receive();
      const { body } = await post('nack', { receipts: [message?.receipt] }).expect(200);
      expect(body.results[0].status).toBe(status);
    }
    expect((await get()).body.stats).toMatchObject({ ready: 0, inFlight: 0, dead: 1 });
    const dead = `${queue}.dead`;
    const [letter] = (await post('receive', { visibilityTimeoutMs: 50 }, dead)).body.messages;
    expect(letter).toMatchObject({
      body: { poison: true },
      headers: { a: 'b' },
      deadLetter: { queue, reason: 'max-receives', receiveCount: 2 },
    });
    await eventually(async () => expect((await get(dead)).body.stats.ready).toBe(1));
    expect((await post('redrive', {}, dead).expect(200)).body).toEqual({ moved: 1 });
    expect((await post('redrive', {}, dead).expect(200)).body).toEqual({ moved: 0 });
    expect((await get()).body.stats).toMatchObject({ ready: 1, dead: 0, sent: 1 });
    const [redriven] = await receive();
    expect(redriven).toMatchObject({ id: letter.id, receiveCount: 1 });
    expect(redriven).not.toHaveProperty('deadLetter');
  });

  it('redrives to another queue, and no more than asked for', async () => {
    await put({ maxReceives: 1 });
    await send(...Array.from({ length: 250 }, (_, body) => ({ body })));
    const receipts = (await receive({ max: 1_000 })).map(({ receipt }) => receipt);
    await post('nack', { receipts });
    const dead = `${queue}.dead`;
    const to = `${queue}-repair`;
    await eventually(async () => expect((await get(dead)).body.stats.ready).toBe(250));
    expect((await post('redrive', { max: 120, to }, dead)).body).toEqual({ moved: 120 });
    expect((await post('redrive', { to }, dead)).body).toEqual({ moved: 130 });
    const moved = (await receive({ max: 1_000 }, to)).map(({ body }) => body);
    expect(moved).toEqual(Array.from({ length: 250 }, (_, i) => i));
    expect((await get(dead)).body.stats).toMatchObject({ ready: 0, acked: 250 });
    await post('redrive', { to: dead }, dead).expect(400);
  });

  it('answers a repeated send by deduplicationId with the first id', async () => {
    const first = await send({ body: 1, deduplicationId: 'order-42' }).expect(201);
    const again = await send({ body: 1, deduplicationId: 'order-42' }).expect(201);
    expect(again.body.messages).toEqual([{ id: first.body.messages[0].id, deduplicated: true }]);
    expect((await get()).body.stats.ready).toBe(1);
  });

  it('remembers a deduplicationId for as long as the queue is configured to', async () => {
    await put({ deduplicationWindowMs: 300 });
    const messageSent = async () =>
      (await send({ body: 1, deduplicationId: 'order-42' }).expect(201)).body.messages[0];
    const { id } = await messageSent();
    await eventually(async () => expect(await messageSent()).toMatchObject({ deduplicated: false }));
    await put({ deduplicationWindowMs: 3_600_000 });
    const later = await eventually(async () => {
      const sent = await messageSent();
      expect(sent.deduplicated).toBe(false);
      return sent;
    });
    expect(later.id).not.toBe(id);
    expect(await messageSent()).toEqual({ id: later.id, deduplicated: true });
    await put({ deduplicationWindowMs: 0 }).expect(400);
  });

  it('delivers with a visibility timeout of 0 what others may receive at once', async () => {
    await put({ maxReceives: 3 });
    await send({ body: 1 });
    const [first] = await receive({ visibilityTimeoutMs: 0 });
    const [second] = await receive({ visibilityTimeoutMs: 0, waitMs: 5_000 });
    expect([first?.receiveCount, second?.receiveCount]).toEqual([1, 2]);
    expect(second?.id).toBe(first?.id);
    const { body } = await post('ack', { receipts: [first?.receipt] }).expect(200);
    expect(body.results[0].status).toBe('stale');
    const parked = receive({ waitMs: 5_000, visibilityTimeoutMs: 0 });
    const [third] = await parked;
    expect(third?.receiveCount).toBe(3);
    await eventually(async () => expect((await get()).body.stats).toMatchObject({ inFlight: 0, dead: 1 }));
  });

  it('refuses what does not fit: 409 queue-full, nothing taken', async () => {
    await put({ maxLength: 2 });
    const { body } = await send({ body: 1 }, { body: 2 }, { body: 3 })
      .expect(409)
      .expect('Content-Type', PROBLEM);
    expect(body).toMatchObject({ code: 'queue-full', limit: 'maxLength', fits: [0, 1] });
    expect((await get()).body.stats.sent).toBe(0);
  });

  it('takes a body of 256 KiB, and refuses a larger one by 413', async () => {
    await send({ body: 'x'.repeat(262_144) }).expect(201);
    const { body } = await send({ body: 'x'.repeat(262_145) })
      .expect(413)
      .expect('Content-Type', PROBLEM);
    expect(body.code).toBe('payload-too-large');
    const large = await send({ body: 'x'.repeat(2_300_000) });
    expect(large.body).toMatchObject({ status: 413, code: 'payload-too-large' });
  });

  it('takes messages of up to the maxMessageBytes of a queue, headers and body together, through any node', async () => {
    await put({ maxMessageBytes: 1_048_576 }).expect(200);
    // Twice as large in JSON.
    const largest = '\n'.repeat(1_048_570);
    const headers = { abc: 'def' };
    await send({ body: largest, headers }).expect(201);
    const [first] = await receive({ max: 5 });
    expect(first).toMatchObject({ body: largest, headers });
    await send({ body: `${largest}\n`, headers }).expect(413);
    const { body } = await send({ body: `${largest}\n`, headers }, { body: 1 }).expect(201);
    expect(body.messages).toMatchObject([{ status: 413 }, { deduplicated: false }]);
    await put({ maxMessageBytes: 10 }).expect(200);
    await send({ body: 'x'.repeat(11) }).expect(413);
    await send({ body: 'x'.repeat(10) }).expect(201);
    await put().expect(200);
    await send({ body: 'x'.repeat(11) }).expect(201);
    await put({ maxMessageBytes: 1_048_577 }).expect(400);
  });

  it('keeps the first or the last of messages with one deduplication id, for a time or until the ack', async () => {
    const debounced = (body: unknown, delayMs = 600_000) => ({
      body,
      delayMs,
      deduplication: { id: 'D', keep: 'last' },
    });
    const one = await send(debounced(1)).expect(201);
    const [{ id }] = one.body.messages;
    expect(one.body.messages).toEqual([{ id, deduplicated: false }]);
    const more = await send(debounced(2), { body: 'x' }, debounced(3)).expect(201);
    expect(more.body.messages.filter((message: { id: string }) => message.id === id)).toEqual(
      Array(2).fill({ id, deduplicated: true }),
    );
    expect((await receive({ max: 10 })).map(({ body }) => body)).toEqual(['x']);
    await send(debounced(4, 1)).expect(201);
    expect((await receive({ max: 10, waitMs: 5_000 })).map(({ body }) => body)).toEqual([4]);
    const fresh = await send(debounced(5, 0), debounced(6, 0)).expect(201);
    expect(fresh.body.messages.map(({ deduplicated }: { deduplicated: boolean }) => deduplicated)).toEqual([
      false,
      true,
    ]);
    expect((await receive({ max: 10 })).map(({ body }) => body)).toEqual([6]);

    const unique = { body: 7, deduplication: { id: 'U', until: 'acked' } };
    await send(unique).expect(201);
    expect((await send(unique)).body.messages[0].deduplicated).toBe(true);
    await post('purge').expect(200);
    expect((await send(unique)).body.messages[0].deduplicated).toBe(false);
    const [held] = await receive();
    await post('ack', { receipts: [held?.receipt] }).expect(200);
    expect((await send(unique)).body.messages[0].deduplicated).toBe(false);
    await send({ ...unique, deduplicationId: 'D' }).expect(400);
    await send({ body: 1, deduplication: { id: 'D', keep: 'both' } }).expect(400);
  });

  it('pauses, resumes, purges, deletes', async () => {
    await put();
    await send({ body: 1 });
    expect((await post('pause').expect(200)).body.paused).toBe(true);
    expect(await receive()).toEqual([]);
    const parked = receive({ waitMs: 30_000 });
    await parkedReceivers(1);
    expect((await post('resume').expect(200)).body.paused).toBe(false);
    expect(await parked).toHaveLength(1);
    await send({ body: 2 });
    expect((await post('purge').expect(200)).body).toEqual({ purged: 2 });
    expect(await receive()).toEqual([]);
    const orphan = post('receive', { waitMs: 30_000 });
    const answer = orphan.then((response) => response);
    await parkedReceivers(1);
    await request(node.url).delete(path()).expect(204);
    expect((await answer).status).toBe(404);
    await request(node.url).delete(path()).expect(404);
    await get().expect(404);
    expect((await request(node.url).get(`/v1/queues?prefix=${queue}`)).body.queues).toEqual([]);
  });

  it('browses by state', async () => {
    await send({ body: 'r1' }, { body: 'r2' }, { body: 'd', delayMs: 60_000 });
    await receive();
    const browse = async (query: string) =>
      (
        await request(node.url)
          .get(path(`messages?${query}`))
          .expect(200)
      ).body;
    expect(await browse('state=ready')).toMatchObject({
      messages: [{ body: 'r2', availableAt: null }],
      cursor: null,
    });
    expect(await browse('state=delayed')).toMatchObject({ messages: [{ body: 'd', receiveCount: 0 }] });
    const flying = await browse('state=inFlight');
    expect(flying.messages).toMatchObject([{ body: 'r1', availableAt: expect.any(String), receiveCount: 1 }]);
    expect(flying.messages[0].receipt).toBeUndefined();
    await request(node.url).get(path('messages?state=dead')).expect(400);
  });

  it.each([
    ['receive', {}],
    ['ack', { receipts: [RECEIPT] }],
    ['nack', { receipts: [RECEIPT] }],
    ['extend', { receipts: [RECEIPT], visibilityTimeoutMs: 1 }],
    ['purge', {}],
    ['pause', {}],
    ['resume', {}],
    ['redrive', {}],
  ])('answers 404 for %s on an unknown queue', async (call, body) => {
    const answer = await post(call, body).expect(404).expect('Content-Type', PROBLEM);
    expect(answer.body.code).toBe('not-found');
  });

  it.each([
    ['messages', { messages: [] }, 'messages'],
    ['messages', { messages: Array.from({ length: 1_001 }, () => ({ body: 1 })) }, 'messages'],
    ['messages', { messages: [{}] }, 'body'],
    ['messages', { messages: [{ body: 1, priority: 10 }] }, 'priority'],
    ['messages', { messages: [{ body: 1, headers: { a: 1 } }] }, 'headers.a'],
    ['messages', { messages: [{ body: 1, delayMs: -1 }] }, 'delayMs'],
    ['messages', { messages: [{ body: 1, delayMs: 1_209_600_000 }] }, 'delayMs'],
    ['messages', { messages: [{ body: 1, surprise: 1 }] }, 'item'],
    ['receive', { max: 0 }, 'max'],
    ['receive', { max: 1_001 }, 'max'],
    ['receive', { waitMs: 30_001 }, 'waitMs'],
    ['receive', { visibilityTimeoutMs: -1 }, 'visibilityTimeoutMs'],
    ['ack', { receipts: [] }, 'receipts'],
    ['nack', {}, 'receipts'],
    ['extend', { receipts: ['x'] }, 'visibilityTimeoutMs'],
  ])('names the field of %s that is wrong (%#)', async (call, body, field) => {
    await put();
    const answer = await post(call, body).expect(400).expect('Content-Type', PROBLEM);
    expect(answer.body.code).toBe('validation-failed');
    expect(answer.body.errors.map(({ path: at }: { path: string }) => at)).toContain(field);
  });

  it.each([
    { maxReceives: 0 },
    { visibilityTimeoutMs: 1.5 },
    { backoff: { baseMs: 100, factor: 2, maxMs: 10 } },
    { rateLimit: { max: 0, perMs: 1 } },
    { surprise: true },
  ])('refuses the configuration %j', async (body) => {
    expect((await put(body).expect(400)).body.code).toBe('validation-failed');
  });

  it('refuses a queue as its own dead-letter queue, and a bad name', async () => {
    await put({ deadLetterQueue: queue }).expect(400);
    await request(node.url).put('/v1/queues/a%20b').send({}).expect(400);
    await request(node.url).put('/v1/queues/a%2Fb%3A%7Bc%7D').send({}).expect(200);
    await request(node.url)
      .put(`/v1/queues/${'n'.repeat(256)}`)
      .send({})
      .expect(200);
  });
});
