import { eventually, NodeProcess, RedisServer } from '@syncline/testing';
import type { Redis } from 'ioredis';
import request from 'supertest';

describe('queue nodes on a Redis at its maxmemory', () => {
  let redis: RedisServer;
  let client: Redis;
  let node: NodeProcess;
  let queue: string;
  let count = 0;

  beforeAll(async () => {
    redis = await RedisServer.start();
    client = redis.connect();
    node = await NodeProcess.start('queue', { redisUrl: redis.url, nodeId: 'queue_1' });
  });
  afterAll(async () => {
    client?.disconnect();
    await node?.stop();
    await redis?.stop();
  });
  beforeEach(async () => {
    queue = `full-${count++}`;
    await client.config('SET', 'maxmemory', '0');
  });

  const post = (call: string, body: object = {}) =>
    request(node.url).post(`/v1/queues/${queue}/${call}`).send(body);
  const send = (...bodies: unknown[]) => post('messages', { messages: bodies.map((body) => ({ body })) });
  const stats = async () => (await request(node.url).get(`/v1/queues/${queue}`).expect(200)).body.stats;
  const fill = () => client.config('SET', 'maxmemory', '1');
  const receiptsOf = async (options: object) =>
    (await post('receive', options).expect(200)).body.messages.map(
      ({ receipt }: { receipt: string }) => receipt,
    );

  it('refuse what would fill it more, whole', async () => {
    await send('kept').expect(201);
    await fill();
    const { body } = await send(1, 2, 3).expect(503);
    expect(body.code).toBe('store-unavailable');
    const dedup = { messages: [{ body: 1, deduplicationId: 'D', groupId: 'G', delayMs: 5 }] };
    await post('messages', dedup).expect(503);
    await request(node.url).put(`/v1/queues/${queue}-new`).send({}).expect(503);
    await request(node.url).get(`/v1/queues/${queue}-new`).expect(404);
    expect(await stats()).toMatchObject({ ready: 1, delayed: 0, sent: 1 });
    await client.config('SET', 'maxmemory', '0');
    const again = await post('messages', dedup).expect(201);
    expect(again.body.messages[0].deduplicated).toBe(false);
  });

  it('go on to drain it: receive, ack, nack, extend, timers', async () => {
    await request(node.url).put(`/v1/queues/${queue}`).send({ maxReceives: 2 }).expect(200);
    await send(1, 2, 3, 4).expect(201);
    await post('messages', {
      messages: [
        { body: 5, ttlMs: 60_000 },
        { body: 6, groupId: 'G' },
      ],
    }).expect(201);
    await fill();
    const receipts = await receiptsOf({ max: 10, visibilityTimeoutMs: 60_000 });
    const [first, second, third, fourth, ...others] = receipts;
    const statusesOf = async (call: string, body: object) =>
      (await post(call, body).expect(200)).body.results.map(({ status }: { status: string }) => status);
    expect(await statusesOf('extend', { receipts, visibilityTimeoutMs: 60_000 })).toEqual(
      Array(6).fill('extended'),
    );
    expect(await statusesOf('ack', { receipts: [first] })).toEqual(['acked']);
    expect(await statusesOf('nack', { receipts: [second], delayMs: 50 })).toEqual(['requeued']);
    expect(await statusesOf('nack', { receipts: [third], countsAs: 'none' })).toEqual(['requeued']);
    expect(await statusesOf('extend', { receipts: [fourth], visibilityTimeoutMs: 50 })).toEqual(['extended']);
    expect(await statusesOf('ack', { receipts: others })).toEqual(['acked', 'acked']);
    // The timers bring back the second and the fourth, to a receiver that is parked.
    const back: string[] = [];
    await eventually(async () => {
      back.push(...(await receiptsOf({ max: 10, waitMs: 1_000 })));
      expect(back).toHaveLength(3);
    });
    expect((await statusesOf('nack', { receipts: back })).sort()).toEqual(['dead', 'dead', 'requeued']);
    expect(await stats()).toMatchObject({ ready: 1, inFlight: 0, acked: 3, dead: 2 });
  });

  it('go on to be managed: configured, paused, purged, deleted', async () => {
    await send(1, 2).expect(201);
    await fill();
    await request(node.url).put(`/v1/queues/${queue}`).send({ retentionMs: 60_000 }).expect(200);
    await post('pause').expect(200);
    expect((await post('receive', { waitMs: 50 }).expect(200)).body.messages).toEqual([]);
    await post('resume').expect(200);
    expect((await post('purge').expect(200)).body).toEqual({ purged: 2 });
    await request(node.url).delete(`/v1/queues/${queue}`).expect(204);
    await request(node.url).get(`/v1/queues/${queue}`).expect(404);
  });

  it('stay ready, and members of their cluster', async () => {
    await fill();
    // Longer than a node is counted on without being heard of.
    const until = performance.now() + 4_000;
    await eventually(async () => {
      await request(node.url).get('/health/ready').expect(200);
      expect(performance.now()).toBeGreaterThan(until);
    }, 10_000);
  });
});
