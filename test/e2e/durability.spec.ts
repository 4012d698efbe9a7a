import { randomUUID } from 'node:crypto';
import {
  eventually,
  isRedisFrom,
  NodeProcess,
  RedisCluster,
  RedisReplication,
  RedisSentinels,
  RedisServer,
  startNodes,
  stopAll,
} from '@syncline/testing';
import { type Answer, acquire, call, describeLock, release } from './lock.calls.js';

type Node = { readonly url: string };

const put = (node: Node, queue: string, durability: string) =>
  call(node, 'PUT', `queues/${queue}`, { durability });
const send = (node: Node, queue: string, body: unknown, deduplicationId: string = randomUUID()) =>
  call(node, 'POST', `queues/${queue}/messages`, { messages: [{ body, deduplicationId }] });
const receive = async (node: Node, queue: string, options: object = {}) =>
  (await call(node, 'POST', `queues/${queue}/receive`, { max: 100, ...options })).body.messages ?? [];
const stats = async (node: Node, queue: string) => (await call(node, 'GET', `queues/${queue}`)).body.stats;

/** As a client does: again with the same ids, until Redis is back. */
const untilAnswered = (attempt: () => Promise<Answer>) =>
  eventually(async () => {
    const answer = await attempt();
    if (answer.status === 503) throw new Error(answer.body.detail);
    return answer;
  });
const refused = ({ status, body }: Answer) => [status, body.code, /No replica of Redis/.test(body.detail)];
const NOT_REPLICATED = [503, 'store-unavailable', true];
/** Every request is answered within this time. */
const BOUND_MS = 5_000;

describe('what is acknowledged when a replica has it', () => {
  let redis: RedisReplication;
  let queues: NodeProcess[];
  let locks: NodeProcess[];
  let queue: NodeProcess;
  let lock: NodeProcess;
  const cutOff = () => {
    for (const { cable } of redis.replicas) cable.hold('requests', 'replies');
  };
  const heal = () => {
    for (const { cable } of redis.replicas) cable.heal();
  };

  beforeAll(async () => {
    redis = await RedisReplication.start();
    const options = { redisUrl: redis.url, env: { LOCK_DURABILITY: 'replicated' } };
    [queues, locks] = await Promise.all([startNodes('queue', 2, options), startNodes('lock', 2, options)]);
    queue = queues[0] as NodeProcess;
    lock = locks[0] as NodeProcess;
  });
  afterEach(heal);
  afterAll(async () => {
    await stopAll([...queues, ...locks]);
    await redis.stop();
  });

  it('is configured for a queue, and told with every answer', async () => {
    const { body: made } = await put(queue, 'told', 'replicated');
    expect(made.durability).toBe('replicated');
    expect((await send(queue, 'told', 1)).body.durability).toBe('replicated');
    const [{ receipt }] = await receive(queues[1] as NodeProcess, 'told');
    const ended = await call(queue, 'POST', 'queues/told/ack', { receipts: [receipt] });
    expect(ended.body).toMatchObject({ results: [{ status: 'acked' }], durability: 'replicated' });
    expect((await send(queue, 'plain', 1)).body.durability).toBe('local');
    expect((await put(queue, 'told', 'twice')).status).toBe(400);
  });

  it('is one message when its send was refused while the replica was cut off; local queues go on meanwhile', async () => {
    await put(queue, 'safe', 'replicated');
    await put(queue, 'quick', 'local');
    cutOff();
    const sentAt = performance.now();
    let over = false;
    const refusedSend = send(queue, 'safe', 'once', 'the-id').finally(() => {
      over = true;
    });
    const quick = await Promise.all([1, 2, 3].map((i) => send(queue, 'quick', i)));
    expect(quick.map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(over).toBe(false);
    expect(refused(await refusedSend)).toEqual(NOT_REPLICATED);
    expect(refused(await send(queues[1] as NodeProcess, 'safe', 'once', 'the-id'))).toEqual(NOT_REPLICATED);
    expect(performance.now() - sentAt).toBeLessThan(2 * BOUND_MS);
    heal();
    const repeated = await untilAnswered(() => send(queues[1] as NodeProcess, 'safe', 'once', 'the-id'));
    expect(repeated.body).toMatchObject({ messages: [{ deduplicated: true }], durability: 'replicated' });
    expect(await stats(queue, 'safe')).toMatchObject({ ready: 1, sent: 1 });
  });

  it('is given back, uncounted, when it was received and cannot be told; an ack is repeated', async () => {
    await put(queue, 'given', 'replicated');
    await send(queue, 'given', 'x');
    cutOff();
    const answer = await call(queue, 'POST', 'queues/given/receive', {});
    expect(refused(answer)).toEqual(NOT_REPLICATED);
    await eventually(async () =>
      expect(await stats(queue, 'given')).toMatchObject({ ready: 1, inFlight: 0 }),
    );
    heal();
    const { body } = await untilAnswered(() => call(queue, 'POST', 'queues/given/receive', {}));
    const [{ receipt, receiveCount }] = body.messages;
    expect(receiveCount).toBe(1);
    cutOff();
    const ack = () => call(queue, 'POST', 'queues/given/ack', { receipts: [receipt] });
    for (const refusal of await Promise.all([ack(), ack()])) expect(refused(refusal)).toEqual(NOT_REPLICATED);
    heal();
    expect((await untilAnswered(ack)).body.results).toMatchObject([{ status: 'acked' }]);
  });

  it('is refused as a level of a queue that no replica could keep', async () => {
    cutOff();
    expect(refused(await put(queue, 'refused', 'replicated'))).toEqual(NOT_REPLICATED);
    expect((await call(queue, 'GET', 'queues/refused')).status).toBe(404);
  });

  it('is a lease that is acquired, renewed and released', async () => {
    const request = { owner: 'a', leaseId: randomUUID() };
    cutOff();
    expect(refused(await acquire(lock, 'lease', request))).toEqual(NOT_REPLICATED);
    heal();
    const { body: lease } = await untilAnswered(() => acquire(lock, 'lease', request));
    expect((await acquire(lock, 'lease', { owner: 'b' })).status).toBe(409);
    cutOff();
    const renew = () => call(lock, 'POST', 'locks/lease/renew', { leaseId: lease.leaseId });
    const renewed = renew();
    // What only says no is not held.
    expect((await acquire(lock, 'lease', { owner: 'b' })).status).toBe(409);
    expect(refused(await renewed)).toEqual(NOT_REPLICATED);
    const released = await Promise.all([release(lock, lease), release(lock, lease)]);
    for (const refusal of released) expect(refused(refusal)).toEqual(NOT_REPLICATED);
    heal();
    expect((await untilAnswered(() => release(lock, lease))).body).toMatchObject({ released: false });
  });

  it('is told with every answer that changes a lock, a semaphore or a session, and with no other', async () => {
    const durability = 'replicated';
    const post = async (path: string, body: object) => (await call(lock, 'POST', path, body)).body;
    const owner = 'a';
    const lease = await post('locks/answer/acquire', { owner });
    const { leaseId } = lease;
    const answers = [
      lease,
      await post('locks/answer/renew', { leaseId }),
      await post('locks/answer/release', { leaseId }),
      (await call(lock, 'PUT', 'semaphores/answer', { limit: 2 })).body,
      await post('semaphores/answer/acquire', { owner }),
      (await call(lock, 'DELETE', 'semaphores/answer')).body,
    ];
    const set = await post('locks/acquire', { owner, locks: [{ name: 'answer-1' }, { name: 'answer-2' }] });
    const held = { leaseId: set.leaseId, names: ['answer-1', 'answer-2'] };
    answers.push(set, await post('locks/renew', held), await post('locks/release', held));
    const { results } = await post('locks/batch', { operations: [{ op: 'acquire', name: 'answer', owner }] });
    const session = await post('sessions', { owner });
    answers.push(results[0].body, session, await post(`sessions/${session.sessionId}/keepalive`, {}));
    expect(answers.map((answer) => answer.durability)).toEqual(Array(answers.length).fill(durability));
    const others = [
      await post('locks/answer/acquire', { owner: 'b' }),
      ...(await describeLock(lock, 'answer')).holders,
      (await call(lock, 'GET', `sessions/${session.sessionId}`)).body,
    ];
    for (const other of others) expect(other).not.toHaveProperty('durability');
    await call(lock, 'DELETE', 'locks/answer');
  });

  it('is a lease that was waited for, before its caller is told', async () => {
    const [one, two] = locks as [NodeProcess, NodeProcess];
    const { body: first } = await acquire(one, 'line', { owner: 'first' });
    let told = false;
    const second = acquire(two, 'line', { owner: 'second', waitMs: 60_000 }).finally(() => {
      told = true;
    });
    await eventually(async () => expect((await describeLock(one, 'line')).waiters).toHaveLength(1));
    cutOff();
    expect(refused(await release(one, first))).toEqual(NOT_REPLICATED);
    await eventually(async () =>
      expect((await describeLock(one, 'line')).holders).toMatchObject([{ owner: 'second' }]),
    );
    expect(told).toBe(false);
    heal();
    expect(await second).toMatchObject({ status: 200, body: { owner: 'second' } });
  });
});

describe('what is acknowledged when a replica has it survives a failover', () => {
  const SENDS = 60;

  it('of a Redis Cluster, in every slot', async () => {
    await using redis = await RedisCluster.start({ replicas: 1 });
    const nodes = await startNodes('queue', 2, { redisUrl: redis.url });
    const [one, two] = nodes as [NodeProcess, NodeProcess];
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    for (const name of names) expect((await put(one, name, 'replicated')).status).toBe(200);
    const sent = await Promise.all(
      Array.from({ length: SENDS }, (_, i) => send(i % 2 === 0 ? one : two, names[i % 6] ?? '', i)),
    );
    expect(sent.map(({ body }) => body.durability)).toEqual(Array(SENDS).fill('replicated'));
    await (await redis.primaryOf('syncline:{queue:a}:queue')).kill();
    for (const [i, name] of names.entries()) {
      // The replica that was promoted has none itself.
      await untilAnswered(() => put(two, name, 'local'));
      const { body } = await untilAnswered(() => call(two, 'POST', `queues/${name}/receive`, { max: SENDS }));
      const numbers = body.messages.map((message: { body: number }) => message.body).sort(byNumber);
      expect(numbers).toEqual(Array.from({ length: SENDS }, (_, n) => n).filter((n) => n % 6 === i));
    }
    await stopAll(nodes);
  });

  it('that sentinels make, also of leases', async () => {
    const redis = await RedisSentinels.start();
    const env = { LOCK_DURABILITY: 'replicated' };
    const [queue, lock] = await Promise.all([
      NodeProcess.start('queue', { redisUrl: redis.url, nodeId: 'queue_1' }),
      NodeProcess.start('lock', { redisUrl: redis.url, nodeId: 'lock_1', env }),
    ]);
    await put(queue, 'kept', 'replicated');
    await Promise.all(Array.from({ length: SENDS }, (_, i) => send(queue, 'kept', i)));
    const { body: lease } = await acquire(lock, 'kept', { owner: 'a', ttlMs: 600_000 });
    const primary = await redis.primary();
    await primary.kill();
    await redis.movedFrom(primary);
    const { body } = await untilAnswered(() => call(queue, 'POST', 'queues/kept/receive', { max: SENDS }));
    expect(body.messages).toHaveLength(SENDS);
    expect((await untilAnswered(() => acquire(lock, 'kept', { owner: 'b' }))).status).toBe(409);
    const renewed = await untilAnswered(() =>
      call(lock, 'POST', 'locks/kept/renew', { leaseId: lease.leaseId }),
    );
    expect(renewed.body.fencingToken).toBe(lease.fencingToken);
    await stopAll([queue, lock]);
    await redis.stop();
  });
});

const byNumber = (a: number, b: number) => a - b;

describe('what is acknowledged when it is on the disk of Redis', () => {
  it('survives the death of Redis, and is told with every answer', async () => {
    // Without WAITAOF only a Redis that always writes to its disk first will do.
    const appendfsync = isRedisFrom(7, 2) ? 'everysec' : 'always';
    await using redis = await RedisServer.start({ durable: true, args: ['--appendfsync', appendfsync] });
    const options = { redisUrl: redis.url, env: { LOCK_DURABILITY: 'fsync' } };
    const [[queue], [lock]] = await Promise.all([
      startNodes('queue', 1, options),
      startNodes('lock', 1, options),
    ]);
    const [at, by] = [queue as NodeProcess, lock as NodeProcess];
    try {
      await put(at, 'kept', 'fsync');
      const sends = await Promise.all(Array.from({ length: 20 }, (_, i) => send(at, 'kept', i)));
      expect(sends.map(({ status, body }) => [status, body.durability])).toEqual(
        sends.map(() => [201, 'fsync']),
      );
      const held = await acquire(by, 'kept', { owner: 'a', ttlMs: 600_000 });
      expect([held.status, held.body.durability]).toEqual([200, 'fsync']);
      await stopAll([at, by]);
      await redis.kill();
      await redis.restart();
      const [fresh] = await startNodes('queue', 1, options);
      expect(await stats(fresh as NodeProcess, 'kept')).toMatchObject({ ready: 20, sent: 20 });
      await stopAll([fresh as NodeProcess]);
    } finally {
      await stopAll([at, by]);
    }
  });
});
