import { type NodeProcess, RedisServer, startNodes, stopAll } from '@syncline/testing';
import request from 'supertest';
import { auditQueue } from '../stages/queue-audit.js';

interface Received {
  readonly body: unknown;
  readonly headers: Record<string, string>;
  readonly groupId: string | null;
  readonly priority: number;
  readonly receipt: string;
}

describe('an ack that sends messages', () => {
  let redis: RedisServer;
  let nodes: NodeProcess[];
  let queue = '';
  let count = 0;
  let calls = 0;

  /** Each call through the next node. */
  const post = (path: string, body: object) => {
    calls += 1;
    const node = nodes[calls % nodes.length] as NodeProcess;
    return request(node.url).post(`/v1/queues/${path}`).send(body);
  };
  const put = (name: string, configuration: object) =>
    request((nodes[0] as NodeProcess).url)
      .put(`/v1/queues/${name}`)
      .send(configuration)
      .expect(200);
  const stats = async (name: string) =>
    (
      await request((nodes[1] as NodeProcess).url)
        .get(`/v1/queues/${name}`)
        .expect(200)
    ).body.stats;
  const receive = async (from: string, options: object = {}): Promise<Received[]> =>
    (await post(`${from}/receive`, { max: 100, ...options }).expect(200)).body.messages;
  /** The receipt of a message that is in flight. */
  const take = async (options: object = {}): Promise<string> => {
    await post(`${queue}/messages`, { messages: [{ body: 'first' }] }).expect(201);
    return (await receive(queue, { max: 1, ...options }))[0]?.receipt ?? '';
  };
  const ack = (receipt: string, ...send: object[]) => post(`${queue}/ack`, { receipts: [receipt], send });

  beforeAll(async () => {
    redis = await RedisServer.start();
    nodes = await startNodes('queue', 2, { redisUrl: redis.url });
  });
  afterAll(async () => {
    await stopAll(nodes ?? []);
    await redis?.stop();
  });
  beforeEach(() => {
    queue = `chain-${count++}`;
  });
  afterEach(async () => {
    const client = redis.connect();
    for (const name of [queue, `${queue}.next`]) expect(await auditQueue(client, name)).toEqual([]);
    client.disconnect();
  });

  it('has sent them when it is answered, to any queue, in order and as they were given', async () => {
    const next = `${queue}.next`;
    const receipt = await take();
    const answer = await ack(
      receipt,
      { queue: next, body: { n: 1 }, headers: { a: 'b', __proto__: 'c' }, groupId: 'g' },
      { queue, body: 'again' },
      { queue: next, body: 'later', delayMs: 600_000 },
      { queue: next, body: 'sooner', priority: 9 },
      { queue: next, body: 2, groupId: 'g' },
    ).expect(200);
    expect(answer.body.results).toEqual([{ receipt, status: 'acked' }]);
    expect((await receive(next)).map(({ body, groupId }) => [body, groupId])).toEqual([
      ['sooner', null],
      [{ n: 1 }, 'g'],
      [2, 'g'],
    ]);
    expect(await stats(next)).toMatchObject({ sent: 4, delayed: 1, inFlight: 3 });
    expect((await receive(queue)).map(({ body }) => body)).toEqual(['again']);
    expect(await stats(queue)).toMatchObject({ sent: 2, acked: 1, inFlight: 1 });
  });

  it('sends nothing again when it is repeated, and nothing when it is stale', async () => {
    const next = { queue: `${queue}.next`, body: 1 };
    const receipt = await take();
    await Promise.all([1, 2, 3, 4].map(() => ack(receipt, next).expect(200)));
    expect((await ack(receipt, next)).body.results).toEqual([{ receipt, status: 'acked' }]);
    const old = await take({ visibilityTimeoutMs: 1 });
    await receive(queue, { waitMs: 5_000 });
    expect((await ack(old, next)).body.results).toEqual([{ receipt: old, status: 'stale' }]);
    expect(await stats(next.queue)).toMatchObject({ sent: 1, ready: 1 });
  });

  it('knows the deduplication of its messages', async () => {
    const next = `${queue}.next`;
    const send = async (...messages: object[]) =>
      ack(await take(), ...messages.map((one) => ({ queue: next, ...one }))).expect(200);
    const last = { id: 'debounced', keep: 'last' };
    await send(
      { body: 1, deduplicationId: 'a' },
      { body: 2, deduplicationId: 'a' },
      { body: 'x', deduplication: last },
    );
    await send(
      { body: 'y', deduplication: last },
      { body: 3, deduplicationId: 'a' },
      { body: 'z', deduplication: last },
    );
    await post(`${next}/messages`, { messages: [{ body: 4, deduplicationId: 'a' }] }).expect(201);
    expect((await receive(next)).map(({ body }) => body)).toEqual([1, 'z']);
    const once = { id: 'one at a time', until: 'acked' };
    await send({ body: 5, deduplication: once }, { body: 6, deduplication: once });
    const [five] = await receive(next);
    expect(five?.body).toBe(5);
    await post(`${next}/ack`, { receipts: [five?.receipt] }).expect(200);
    await send({ body: 7, deduplication: once });
    expect((await receive(next)).map(({ body }) => body)).toEqual([7]);
  });

  it('is refused as a whole when one of them is, and answers as before when it was acknowledged', async () => {
    const [small, next] = [`${queue}.small`, `${queue}.next`];
    await put(small, { maxLength: 2, maxMessageBytes: 10, retentionMs: 60_000 });
    await put(next, { maxBytes: 1_000 });
    await put(queue, { maxLength: 1 });
    const receipt = await take();
    const fine = { queue: next, body: 1 };
    const refused: [object, number, string][] = [
      [{ queue: small, body: 'x'.repeat(11) }, 413, 'payload-too-large'],
      [{ queue: small, body: 1, delayMs: 60_000 }, 400, 'validation-failed'],
      [{ queue: next, body: 'x'.repeat(1_000) }, 409, 'queue-full'],
      [{ queue: 'a b', body: 1 }, 400, 'validation-failed'],
      [{ body: 1 }, 400, 'validation-failed'],
      [{ queue: next }, 400, 'validation-failed'],
    ];
    for (const [bad, status, code] of refused) {
      const { body } = await ack(receipt, fine, bad).expect(status);
      expect(body.code).toBe(code);
    }
    await ack(receipt, ...Array(3).fill({ queue: small, body: 1 })).expect(409);
    await ack(receipt, ...Array(11).fill(fine)).expect(400);
    await post(`${queue}/ack`, { receipts: [receipt, receipt], send: [fine] }).expect(400);
    expect(await stats(next)).toMatchObject({ sent: 0 });
    expect(await stats(queue)).toMatchObject({ inFlight: 1, acked: 0 });
    // Its own message makes room for the next one.
    const own = { queue, body: 'next' };
    await ack(receipt, { queue: small, body: 1 }, { queue: small, body: 2 }, own).expect(200);
    expect((await ack(receipt, { queue: small, body: 3 }, own)).body.results).toEqual([
      { receipt, status: 'acked' },
    ]);
    expect(await stats(small)).toMatchObject({ sent: 2 });
  });
});
