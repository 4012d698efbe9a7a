import { createHash } from 'node:crypto';
import { eventually, type NodeProcess, RedisCluster, startNodes, stopAll } from '@syncline/testing';
import request from 'supertest';
import { Shards } from '../../libs/caches/src/redis/shards.js';

/** Where the state of a lock lies on a Redis Cluster. */
const shardKeyOf = (lock: string): string =>
  `syncline:lock:{${createHash('sha1').update(lock).digest().readUInt16BE() % 32}}:`;

describe('A slot of a Redis Cluster that moves to another primary', () => {
  let redis: RedisCluster;
  let lock: NodeProcess;
  let queue: NodeProcess;
  let cache: NodeProcess;

  beforeAll(async () => {
    redis = await RedisCluster.start();
    const roles = ['lock', 'queue', 'cache'] as const;
    const started = await Promise.all(roles.map((role) => startNodes(role, 1, { redisUrl: redis.url })));
    [lock, queue, cache] = started.flat() as [NodeProcess, NodeProcess, NodeProcess];
  });
  afterAll(async () => {
    await stopAll([lock, queue, cache]);
    await redis.stop();
  });

  const isUnavailable = ({ status, body, headers }: request.Response) => {
    expect([status, body.code]).toEqual([503, 'store-unavailable']);
    expect(headers['retry-after']).toBeDefined();
  };

  it('takes its locks along: refused while they are on their way, held as before afterwards', async () => {
    const call = (path: string, body: object) => request(lock.url).post(`/v1/locks/${path}`).send(body);
    const held = await call('moved/acquire', { owner: 'a', ttlMs: 60_000 }).expect(200);
    await redis.moveSlot(shardKeyOf('moved'), async () => {
      await call('moved/acquire', { owner: 'b' }).expect(isUnavailable);
      await call('moved/renew', { leaseId: held.body.leaseId }).expect(isUnavailable);
    });
    await eventually(() => call('moved/renew', { leaseId: held.body.leaseId }).expect(200));
    await call('moved/acquire', { owner: 'b' }).expect(409);
    const waiting = call('moved/acquire', { owner: 'b', waitMs: 20_000 }).then((answer) => answer);
    await eventually(async () => {
      const { body } = await request(lock.url).get('/v1/locks/moved');
      expect(body.waiters).toHaveLength(1);
    });
    await call('moved/release', { leaseId: held.body.leaseId }).expect(200);
    const next = await waiting;
    expect(next.status).toBe(200);
    expect(BigInt(next.body.fencingToken)).toBeGreaterThan(BigInt(held.body.fencingToken));
    await eventually(() => request(lock.url).get('/health/ready').expect(200));
  });

  it('takes its queues along: nothing is lost, and nothing is there twice', async () => {
    const post = (path: string, body: object) =>
      request(queue.url).post(`/v1/queues/moved/${path}`).send(body);
    const messages = Array.from({ length: 50 }, (_, i) => ({ body: i, delayMs: i % 5 === 0 ? 1 : 0 }));
    await post('messages', { messages }).expect(201);
    const before = await post('receive', { max: 10, visibilityTimeoutMs: 60_000 }).expect(200);
    await redis.moveSlot('syncline:{queue:moved}:queue', async () => {
      await post('messages', { messages: [{ body: 'refused' }] }).expect(isUnavailable);
      await post('receive', {}).expect(isUnavailable);
    });
    const bodies = before.body.messages.map(({ body }: { body: number }) => body);
    await eventually(async () => {
      const { body } = await post('receive', { max: 100, visibilityTimeoutMs: 60_000 }).expect(200);
      bodies.push(...body.messages.map((message: { body: number }) => message.body));
      expect(bodies.length).toBeGreaterThanOrEqual(50);
    });
    expect(bodies.sort((a: number, b: number) => a - b)).toEqual(messages.map(({ body }) => body));
    const receipts = before.body.messages.map(({ receipt }: { receipt: string }) => receipt);
    const { body } = await post('ack', { receipts }).expect(200);
    expect(new Set(body.results.map(({ status }: { status: string }) => status))).toEqual(new Set(['acked']));
    await eventually(() => request(queue.url).get('/health/ready').expect(200));
  });

  it('takes its caches along, without the entries: nothing tells that these are the newest', async () => {
    const entry = () => '/v1/caches/moved/entries/a';
    const put = (text: string) => request(cache.url).put(entry()).type('text/plain').send(text);
    await put('before').expect(201);
    const configured = { maxEntries: 7 };
    await request(cache.url).put('/v1/caches/moved').send(configured).expect(200);
    await redis.moveSlot(new Shards({ isCluster: true }).of('moved', 'a').key, async () => {
      await put('refused').expect(isUnavailable);
    });
    await eventually(() => request(cache.url).get(entry()).expect(404));
    await eventually(() => put('after').expect(201));
    const { body } = await request(cache.url).get('/v1/caches/moved').expect(200);
    expect(body).toMatchObject(configured);
    await eventually(() => request(cache.url).get('/health/ready').expect(200));
  });
});
