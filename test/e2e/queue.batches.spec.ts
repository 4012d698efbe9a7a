import { NodeProcess, RedisServer } from '@syncline/testing';
import request from 'supertest';

/** Half of a character: JSON can say it, no encoding of text can. */
const LONE = '\ud800';

describe('a batch of a queue', () => {
  let redis: RedisServer;
  let node: NodeProcess;
  let queue: string;
  let count = 0;

  beforeAll(async () => {
    redis = await RedisServer.start();
    node = await NodeProcess.start('queue', { redisUrl: redis.url, nodeId: 'queue_1' });
  });
  afterAll(async () => {
    await node?.stop();
    await redis?.stop();
  });
  beforeEach(() => {
    queue = `batch-${count++}`;
  });

  const named = ({ name }: { name: string }) => name;
  const path = (call: string) => `/v1/queues/${queue}/${call}`;
  const post = (call: string, body: object) => request(node.url).post(path(call)).send(body);
  /** As text: what JSON.stringify would not write. */
  const postText = (call: string, body: string) =>
    request(node.url).post(path(call)).set('Content-Type', 'application/json').send(body);
  const receive = async (max = 1) => (await post('receive', { max }).expect(200)).body.messages;
  const refused = (call: string, status: number, code: string) => ({
    status,
    problem: expect.objectContaining({ status, code, instance: path(call) }),
  });

  it('takes the messages that are right, and says of each other one what is wrong with it', async () => {
    const { body } = await post('messages', {
      messages: [
        { body: 'a' },
        { body: 'b', priority: 10 },
        null,
        { body: 'x'.repeat(262_145) },
        { body: 'c', delayMs: 1_209_600_000 },
        { body: 'd' },
      ],
    }).expect(201);
    const taken = { id: expect.any(String), deduplicated: false };
    const invalid = refused('messages', 400, 'validation-failed');
    const large = refused('messages', 413, 'payload-too-large');
    expect(body.messages).toEqual([taken, invalid, invalid, large, invalid, taken]);
    expect(body.messages[1].problem.errors).toMatchObject([{ path: 'priority' }]);
    expect(body.messages[4].problem.errors).toMatchObject([{ path: 'delayMs' }]);
    expect((await receive(10)).map((message: { body: unknown }) => message.body)).toEqual(['a', 'd']);
  });

  it('is refused as a whole when every message is, and makes no queue', async () => {
    const { body } = await post('messages', { messages: [{ body: 1, groupId: '' }, {}] }).expect(400);
    expect(body).toMatchObject({ code: 'validation-failed', errors: [{ path: 'groupId' }] });
    await post('messages', { messages: [{ body: 'x'.repeat(262_145) }] }).expect(413);
    await request(node.url).get(`/v1/queues/${queue}`).expect(404);
  });

  it.each([
    ['ack', {}, 'acked'],
    ['nack', {}, 'requeued'],
    ['extend', { visibilityTimeoutMs: 60_000 }, 'extended'],
  ])('judges each receipt of %s by itself', async (call, options, good) => {
    await post('messages', { messages: [{ body: 1 }] }).expect(201);
    const [{ receipt }] = await receive();
    const forged = receipt.replace(/.$/, receipt.endsWith('_') ? '-' : '_');
    const receipts = ['', 'nonsense', `${receipt}x`, 42, forged, receipt];
    const { body } = await post(call, { receipts, ...options }).expect(200);
    const garbage = refused(call, 400, 'validation-failed');
    expect(body.results).toEqual([
      { receipt: '', ...garbage },
      { receipt: 'nonsense', ...garbage },
      { receipt: `${receipt}x`, ...garbage },
      garbage,
      { receipt: forged, status: 'stale' },
      { receipt, status: good },
    ]);
    const alone = await post(call, { receipts: ['nonsense'], ...options }).expect(400);
    expect(alone.body).toMatchObject({ code: 'validation-failed', errors: [{ path: 'receipt' }] });
  });

  it.each([
    ['state=ready', 'nonsense'],
    ['state=ready', '1:2'],
    ['state=ready', '-1'],
    ['state=delayed', '7'],
    ['state=inFlight', 'x:y'],
  ])('refuses what is no cursor of %s: %s', async (query, cursor) => {
    await post('messages', { messages: [{ body: 1 }] }).expect(201);
    const { body } = await request(node.url)
      .get(path(`messages?${query}&cursor=${cursor}`))
      .expect(400);
    expect(body.errors).toMatchObject([{ path: 'cursor' }]);
  });

  it('refuses what is no cursor of the list of queues', async () => {
    await request(node.url).get('/v1/queues?cursor=a%20b').expect(400);
  });

  it.each([
    ['groupId', { groupId: LONE }],
    ['deduplicationId', { deduplicationId: `order-${LONE}` }],
    ['headers.a', { headers: { a: LONE } }],
    [`headers.${LONE}`, { headers: { [LONE]: 'a' } }],
  ])('refuses half a character in %j', async (field, options) => {
    const { body } = await post('messages', { messages: [{ body: 1, ...options }] }).expect(400);
    expect(body.errors).toMatchObject([{ path: field }]);
  });

  it('keeps whole characters of two units, and half ones in a body', async () => {
    const ids = ['𝄞', '𝄢'];
    const messages = ids.map((id) => ({
      body: LONE,
      deduplicationId: id,
      groupId: id,
      headers: { [id]: id },
    }));
    await post('messages', { messages }).expect(201);
    const got = await receive(10);
    expect(got).toMatchObject(ids.map((id) => ({ body: LONE, groupId: id, headers: { [id]: id } })));
  });

  it('refuses a number that would come back as null', async () => {
    for (const body of ['1e400', '[{"a":-1e999}]']) {
      const answer = await postText('messages', `{"messages":[{"body":${body}}]}`).expect(400);
      expect(answer.body.errors).toMatchObject([{ path: 'body' }]);
    }
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    'carries %s as any other name',
    async (name) => {
      queue = name;
      const text = `{"body":{"${name}":1},"headers":{"${name}":"h","b":"c"},"groupId":"${name}","deduplicationId":"${name}"}`;
      const sent = await postText('messages', `{"messages":[${text},${text}]}`).expect(201);
      expect(sent.body.messages[1]).toEqual({ id: sent.body.messages[0].id, deduplicated: true });
      const [message] = await receive(10);
      expect(JSON.stringify(message.headers)).toBe(`{"${name}":"h","b":"c"}`);
      expect(JSON.stringify(message.body)).toBe(`{"${name}":1}`);
      expect(message.groupId).toBe(name);
      const { body } = await post('ack', { receipts: [message.receipt] }).expect(200);
      expect(body.results[0].status).toBe('acked');
      expect((await request(node.url).get('/v1/queues').expect(200)).body.queues.map(named)).toContain(name);
      await request(node.url).get(`/v1/cluster/owner?key=${name}`).expect(200);
      await request(node.url).delete(`/v1/queues/${name}`).expect(204);
    },
  );

  it('counts headers and body together', async () => {
    const message = (headers: number, body: number) => ({
      messages: [{ headers: { h: 'x'.repeat(headers - 1) }, body: 'ü'.repeat(body / 2) }],
    });
    await post('messages', message(200_000, 62_144)).expect(201);
    await post('messages', message(200_002, 62_144)).expect(413);
    await post('messages', message(900_000, 2)).expect(413);
  });

  it('refuses a delay at or above the time to live, and a back-off that the retention forestalls', async () => {
    for (const [delayMs, status] of [
      [999, 201],
      [1_000, 400],
      [5_000, 400],
    ] as const) {
      const { body } = await post('messages', { messages: [{ body: 1, delayMs, ttlMs: 1_000 }] }).expect(
        status,
      );
      if (status === 400) expect(body.errors).toMatchObject([{ path: 'delayMs' }]);
    }
    const backoff = { baseMs: 1_000, factor: 2, maxMs: 2_000 };
    const put = (body: object) => request(node.url).put(`/v1/queues/${queue}`).send(body);
    await put({ retentionMs: 1_000, backoff }).expect(400);
    await put({ retentionMs: 1_001, backoff }).expect(200);
  });

  it('says that a message is over when its time ends before it could be delivered again', async () => {
    await request(node.url).put(`/v1/queues/${queue}`).send({ retentionMs: 60_000 }).expect(200);
    await post('messages', { messages: [{ body: 1, ttlMs: 30_000 }, { body: 2 }, { body: 3 }] }).expect(201);
    const receipts = (await receive(10)).map(({ receipt }: { receipt: string }) => receipt);
    const { body } = await post('nack', { receipts: receipts.slice(0, 2), delayMs: 60_000 }).expect(200);
    const [third] = receipts.slice(2);
    const late = await post('nack', { receipts: [third], delayMs: 20_000 }).expect(200);
    const statuses = [...body.results, ...late.body.results].map(({ status }) => status);
    expect(statuses).toEqual(['expired', 'expired', 'requeued']);
    const { stats } = (await request(node.url).get(`/v1/queues/${queue}`)).body;
    expect(stats).toMatchObject({ ready: 0, delayed: 1, inFlight: 0, expired: 2 });
  });
});
