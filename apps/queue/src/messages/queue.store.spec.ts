import { setTimeout as sleep } from 'node:timers/promises';
import type { Membership } from '@syncline/cluster';
import { Ring } from '@syncline/cluster';
import type { PutQueue } from '@syncline/contracts';
import { eventually, RedisServer } from '@syncline/testing';
import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { auditQueue } from '../../../../test/faults/queue/audit.js';
import { completeConfiguration } from './configuration.js';
import { Outbox } from './outbox.js';
import { QueueStore } from './queue.store.js';
import type { Delivery } from './receipt.js';
import { decodeRecord, encodeTail } from './record.js';
import type { ReceiveReply } from './scripts/delivery.scripts.js';

const DEFAULTS: PutQueue = {
  visibilityTimeoutMs: 30_000,
  maxReceives: 5,
  retentionMs: 1_209_600_000,
  maxLength: null,
  maxBytes: null,
  backoff: null,
  rateLimit: null,
};

interface Given {
  readonly body?: unknown;
  readonly priority?: number;
  readonly groupId?: string;
  readonly ttlMs?: number;
  readonly delayMs?: number;
  readonly dedup?: string;
}

describe('the scripts of a queue', () => {
  let server: RedisServer;
  let redis: Redis;
  let store: QueueStore;
  let outbox: Outbox;
  let queue: string;
  let count = 0;

  beforeAll(async () => {
    server = await RedisServer.start();
    redis = server.connect();
    const alone = { nodeId: 'queue_1', ring: new Ring(['queue_1']), owns: () => true };
    store = new QueueStore(redis, alone as unknown as Membership);
    outbox = new Outbox(store);
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });
  beforeEach(() => {
    queue = `q${count++}`;
  });
  afterEach(async () => {
    expect(await auditQueue(redis, queue)).toEqual([]);
  });

  const configure = (given: Partial<PutQueue> = {}) =>
    store.configure(queue, completeConfiguration(queue, { ...DEFAULTS, ...given }), false);
  const send = async (...messages: Given[]) => {
    const reply = await store.send(
      queue,
      messages.map(({ body = 'x', priority = 0, groupId = null, ttlMs = null, delayMs = 0, dedup = '' }) => ({
        tail: encodeTail({ body: JSON.stringify(body), headers: {}, priority, groupId, ttlMs, extra: null }),
        delayMs,
        deduplicationHash: dedup,
      })),
    );
    if (reply === null) throw new Error('no such queue');
    return reply;
  };
  const receive = async (max = 1, visibilityTimeoutMs?: number) => {
    const reply = await store.receive(queue, { max, visibilityTimeoutMs, waiter: null });
    if (reply === null) throw new Error('no such queue');
    return reply;
  };
  const bodies = (reply: ReceiveReply) =>
    reply.messages.map(({ record }) => JSON.parse(decodeRecord(record).body));
  const deliveries = (reply: ReceiveReply): Delivery[] =>
    reply.messages.map(({ token, failedDeliveries, record }) => ({
      gen: reply.gen,
      token,
      delivery: failedDeliveries + 1,
      size: record.length,
    }));
  const stats = async () => {
    const described = await store.describe(queue);
    if (described === null) throw new Error('no such queue');
    return described.stats;
  };

  it('delivers in the order of sending and, once acked, never again', async () => {
    await configure();
    await send({ body: 1 }, { body: 2 }, { body: 3 });
    const got = await receive(10);
    expect(bodies(got)).toEqual([1, 2, 3]);
    expect(await store.acknowledge(queue, deliveries(got))).toBe('111');
    expect(await stats()).toMatchObject({
      ready: 0,
      inFlight: 0,
      sent: 3,
      acked: 3,
      bytes: 0,
      oldestAgeMs: 0,
    });
    expect(bodies(await receive(10))).toEqual([]);
  });

  it('puts higher priorities first, and within one the older', async () => {
    await configure();
    await send(
      { body: 'a', priority: 1 },
      { body: 'b', priority: 9 },
      { body: 'c' },
      { body: 'd', priority: 9 },
    );
    await send(
      { body: 'e', priority: 1, ttlMs: 60_000 },
      { body: 'f', priority: 1 },
      { body: 'g', priority: 9, groupId: 'G' },
    );
    expect(bodies(await receive(3))).toEqual(['b', 'd', 'g']);
    expect(bodies(await receive(10))).toEqual(['a', 'e', 'f', 'c']);
  });

  it('delivers again when the visibility timeout is over, at the front, and the old receipt is stale', async () => {
    await configure();
    await send({ body: 1 }, { body: 2 });
    const first = await receive(1, 40);
    await sleep(50);
    const second = await receive(2);
    expect(bodies(second)).toEqual([1, 2]);
    expect(second.messages.map(({ failedDeliveries }) => failedDeliveries)).toEqual([1, 0]);
    expect(await store.acknowledge(queue, deliveries(first))).toBe('0');
    expect((await store.extend(queue, deliveries(first), 1_000))?.marks).toBe('0');
    expect((await store.reject(queue, deliveries(first), 0))?.marks).toBe('0');
    expect(await store.acknowledge(queue, deliveries(second))).toBe('11');
  });

  it('takes a receipt for stale as soon as its time is over, though nobody has received again', async () => {
    await configure();
    await send({});
    const got = await receive(1, 20);
    await sleep(30);
    expect(await store.acknowledge(queue, deliveries(got))).toBe('0');
  });

  it('counts equal receipts of one call once', async () => {
    await configure();
    await send({}, {});
    const [one, two] = deliveries(await receive(2));
    if (one === undefined || two === undefined) throw new Error('expected two');
    expect(
      await store.acknowledge(queue, [one, one, two, { ...two, delivery: 2 }, { ...one, token: 6_400 }]),
    ).toBe('10100');
    expect(await stats()).toMatchObject({ acked: 2, inFlight: 0 });
  });

  it('brings a rejected message back at once, after a delay, or with back-off and jitter', async () => {
    await configure({ backoff: { baseMs: 1_000, factor: 3, maxMs: 5_000 }, maxReceives: 10 });
    await send({});
    await store.reject(queue, deliveries(await receive()), 0);
    expect(await stats()).toMatchObject({ ready: 1, delayed: 0 });
    const delayOf = async () => {
      const { messages } = (await store.browse(queue, 'delayed', '', 1)) ?? { messages: [] };
      return (messages[0]?.availableAt ?? 0) - Date.now();
    };
    await store.reject(queue, deliveries(await receive()), undefined);
    const second = await delayOf();
    expect(second).toBeGreaterThan(2_900);
    expect(second).toBeLessThanOrEqual(3_600);
  });

  it('moves a message whole to the dead letters after maxReceives, with its history', async () => {
    await configure({ maxReceives: 2 });
    await send({ body: { keep: 'me' }, groupId: 'G', priority: 3 });
    await store.reject(queue, deliveries(await receive()), 0);
    await receive(1, 10);
    await sleep(15);
    expect(bodies(await receive())).toEqual([]);
    expect(await stats()).toMatchObject({ ready: 0, inFlight: 0, dead: 1 });
    await outbox.deliver(queue);
    const dead = await store.receive(`${queue}.dead`, { max: 1, visibilityTimeoutMs: 1_000, waiter: null });
    const record = decodeRecord(dead?.messages[0]?.record ?? Buffer.alloc(0));
    expect(record).toMatchObject({ body: '{"keep":"me"}', groupId: 'G', priority: 3 });
    expect(record.extra?.deadLetter).toMatchObject({ queue, reason: 'max-receives', receiveCount: 2 });
    expect(record.extra?.deadLetter?.attempts.map(({ outcome }) => outcome)).toEqual(['nacked', 'timed-out']);
  });

  it('delivers dead letters once, however often the outbox is emptied', async () => {
    await configure({ maxReceives: 1 });
    await send({ body: 1 }, { body: 2 }, { body: 3 });
    await store.reject(queue, deliveries(await receive(3)), 0);
    const stale = await store.peekOutbox(queue);
    await Promise.all([outbox.deliver(queue), outbox.deliver(queue), outbox.deliver(queue)]);
    const messages = stale.map(({ number, record }) => ({
      number,
      tail: record.subarray(6),
      returnsHome: false,
    }));
    await store.adopt(`${queue}.dead`, queue, messages);
    expect((await store.describe(`${queue}.dead`))?.stats).toMatchObject({ ready: 3, sent: 3 });
    expect(await store.peekOutbox(queue)).toEqual([]);
    expect(await auditQueue(redis, `${queue}.dead`)).toEqual([]);
  });

  it('keeps the order of a group across retries, and lets other groups run', async () => {
    await configure();
    await send(
      { body: 'a1', groupId: 'A' },
      { body: 'a2', groupId: 'A' },
      { body: 'b1', groupId: 'B' },
      { body: 'a3', groupId: 'A' },
    );
    const first = await receive(1);
    expect(bodies(first)).toEqual(['a1']);
    const other = await receive(10);
    expect(bodies(other)).toEqual(['b1']);
    await store.reject(queue, deliveries(first), 60);
    expect(bodies(await receive(10))).toEqual([]);
    await sleep(70);
    const again = await receive(2);
    expect(bodies(again)).toEqual(['a1', 'a2']);
    const [one, two] = deliveries(again);
    if (one === undefined || two === undefined) throw new Error('expected two');
    await store.acknowledge(queue, [two]);
    expect(bodies(await receive(10))).toEqual([]);
    await store.acknowledge(queue, [one]);
    expect(bodies(await receive(10))).toEqual(['a3']);
  });

  it('holds back what stands behind a delayed message of its group', async () => {
    await configure();
    await send({ body: 'a1', groupId: 'A', delayMs: 40 }, { body: 'a2', groupId: 'A' }, { body: 'free' });
    expect(bodies(await receive(10))).toEqual(['free']);
    await sleep(50);
    expect(bodies(await receive(10))).toEqual(['a1', 'a2']);
  });

  it('never delivers a delayed message early', async () => {
    await configure();
    const sentAt = performance.now();
    await send({ delayMs: 80 });
    expect(await stats()).toMatchObject({ ready: 0, delayed: 1 });
    await eventually(async () => expect((await receive()).messages).toHaveLength(1));
    expect(performance.now() - sentAt).toBeGreaterThanOrEqual(80);
  });

  it('drops a message when its own TTL is over: ready, delayed, in a group or back from a delivery', async () => {
    await configure();
    await send(
      { ttlMs: 50 },
      { ttlMs: 50, delayMs: 10_000 },
      { ttlMs: 50, groupId: 'A' },
      { body: 'stays', groupId: 'A' },
    );
    await send({ body: 'taken', ttlMs: 50, priority: 9 });
    const taken = await receive(1, 60);
    expect(bodies(taken)).toEqual(['taken']);
    await sleep(70);
    expect(bodies(await receive(10))).toEqual(['stays']);
    expect(await stats()).toMatchObject({ expired: 4, ready: 0, delayed: 0, inFlight: 1 });
  });

  it('removes what is older than the retention, but not what is in flight', async () => {
    await configure({ retentionMs: 60 });
    await send(
      { body: 'flying', priority: 9 },
      { body: 'old' },
      { body: 'old', groupId: 'A' },
      { body: 'old', ttlMs: 10_000 },
    );
    const flying = await receive(1);
    await sleep(70);
    await store.doDueWork(queue);
    expect(await stats()).toMatchObject({ ready: 0, inFlight: 1, expired: 3 });
    expect(await store.acknowledge(queue, deliveries(flying))).toBe('1');
    expect(
      (await store.send(queue, [{ tail: Buffer.alloc(4), delayMs: 60, deduplicationHash: '' }]))?.outcome,
    ).toBe('over-before-due');
  });

  it('answers a repeated deduplication id with the first id, within one call too', async () => {
    await configure({ maxLength: 2 });
    const first = await send({ dedup: 'D' }, { dedup: 'E' }, { dedup: 'D' });
    const again = await send({ dedup: 'D' });
    if (first.outcome !== 'sent' || again.outcome !== 'sent') throw new Error('expected it to be taken');
    expect(first.messages[2]).toEqual({ id: first.messages[0]?.id, deduplicated: true });
    expect(again.messages).toEqual([{ id: first.messages[0]?.id, deduplicated: true }]);
    expect(await stats()).toMatchObject({ ready: 2, sent: 2 });
    const keys = await redis.keys(`syncline:{queue:${queue}}:d:*`);
    expect(keys).toHaveLength(2);
    for (const key of keys) expect(await redis.pttl(key)).toBeGreaterThan(290_000);
  });

  it('refuses a whole batch that would not fit', async () => {
    await configure({ maxLength: 3, maxBytes: 60 });
    await send({}, {});
    expect(await send({}, {})).toEqual({ outcome: 'full', limit: 'maxLength' });
    expect(await send({ body: 'x'.repeat(50) })).toEqual({ outcome: 'full', limit: 'maxBytes' });
    expect(await stats()).toMatchObject({ ready: 2, sent: 2 });
    await store.acknowledge(queue, deliveries(await receive(2)));
    expect((await send({}, {}, {})).outcome).toBe('sent');
  });

  it('lets receives through at the rate of the token bucket', async () => {
    await configure({ rateLimit: { max: 10, perMs: 500 } });
    await send(...Array.from({ length: 30 }, (_, body) => ({ body })));
    expect((await receive(100)).messages).toHaveLength(10);
    expect((await receive(100)).messages.length).toBeLessThanOrEqual(1);
    await sleep(250);
    const later = (await receive(100)).messages.length;
    expect(later).toBeGreaterThanOrEqual(4);
    expect(later).toBeLessThanOrEqual(8);
  });

  it('delivers nothing while it is paused', async () => {
    await configure();
    await send({});
    await store.pause(queue, true);
    expect((await receive()).messages).toEqual([]);
    await store.pause(queue, false);
    expect((await receive()).messages).toHaveLength(1);
  });

  it('purges all at once: nothing from before is delivered, no receipt holds', async () => {
    await configure();
    await send({}, { delayMs: 5 }, { groupId: 'A' }, { ttlMs: 1_000 }, { priority: 5 });
    const taken = await receive(1);
    expect(await store.purge(queue)).toMatchObject({ purged: 5 });
    await send({ body: 'after' });
    await sleep(10);
    expect(bodies(await receive(10))).toEqual(['after']);
    expect(await store.acknowledge(queue, deliveries(taken))).toBe('0');
    expect(await stats()).toMatchObject({ sent: 6, expired: 5, inFlight: 1 });
  });

  it('removes what a purge left behind in portions', async () => {
    await configure();
    const messages = Array.from({ length: 1_000 }, () => ({}));
    for (let i = 0; i < 9; i += 1) await send(...messages);
    // As many buckets as if a million messages more had passed through.
    await redis.hset(`syncline:{queue:${queue}}:queue`, 'seq', 4_096 * 600);
    await store.purge(queue);
    expect(await redis.exists(`syncline:{queue:${queue}}:trash`)).toBe(1);
    await eventually(async () => expect((await store.doDueWork(queue))?.dueInMs).toBeNull());
    expect(await redis.keys(`syncline:{queue:${queue}}:*`)).toEqual([`syncline:{queue:${queue}}:queue`]);
  });

  it('forgets everything when it is deleted, and a successor accepts no receipt of it', async () => {
    await configure();
    await send({ dedup: 'D' });
    const taken = await receive(1);
    expect(await store.remove(queue)).toBe(true);
    expect(await store.remove(queue)).toBe(false);
    expect(await store.receive(queue, { max: 1, visibilityTimeoutMs: undefined, waiter: null })).toBeNull();
    await configure();
    const again = await send({ dedup: 'D' });
    if (again.outcome !== 'sent') throw new Error('expected it to be taken');
    expect(again.messages[0]?.deduplicated).toBe(false);
    await receive(1);
    expect(await store.acknowledge(queue, deliveries(taken))).toBe('0');
  });

  it('takes back what nobody was told of, uncounted and at the front', async () => {
    await configure({ maxReceives: 1 });
    await send({ body: 1 }, { body: 2, groupId: 'A' }, { body: 3, ttlMs: 10_000 }, { body: 4 });
    const untold = await receive(3);
    await store.giveBack(queue, deliveries(untold));
    const again = await receive(10);
    expect(bodies(again)).toEqual([1, 2, 3, 4]);
    expect(again.messages.map(({ failedDeliveries }) => failedDeliveries)).toEqual([0, 0, 0, 0]);
  });

  it('shows messages by state, page by page, without receiving them', async () => {
    await configure();
    await send(...Array.from({ length: 7 }, (_, body) => ({ body, priority: body % 3 })));
    await send(...Array.from({ length: 5 }, (_, body) => ({ body, delayMs: 60_000 })));
    await receive(2);
    const all = async (state: 'ready' | 'delayed' | 'inFlight', limit: number) => {
      const seen: number[] = [];
      for (let cursor: string | null = ''; cursor !== null; ) {
        const page = await store.browse(queue, state, cursor, limit);
        if (page === null) throw new Error('no such queue');
        seen.push(...page.messages.map(({ record }) => Number(decodeRecord(record).body)));
        cursor = page.cursor;
      }
      return seen;
    };
    for (const limit of [1, 2, 3, 100]) {
      expect(await all('ready', limit)).toEqual([0, 1, 3, 4, 6]);
      expect((await all('delayed', limit)).sort()).toEqual([0, 1, 2, 3, 4]);
      expect(await all('inFlight', limit)).toEqual([2, 5]);
    }
    expect(await stats()).toMatchObject({ ready: 5, delayed: 5, inFlight: 2 });
  });

  it('leaves nothing but its configuration when it is drained', async () => {
    await configure();
    await send({ ttlMs: 50_000 }, { groupId: 'A' }, { groupId: 'A' }, { delayMs: 5 }, { priority: 7 }, {});
    await sleep(10);
    await store.reject(queue, deliveries(await receive(10)), 0);
    for (let left = 6; left > 0; ) {
      const got = await receive(10);
      left -= got.messages.length;
      await store.acknowledge(queue, deliveries(got));
    }
    expect(await redis.keys(`syncline:{queue:${queue}}:*`)).toEqual([`syncline:{queue:${queue}}:queue`]);
  });

  it('tells the age of the oldest message exactly, also past long gaps', async () => {
    await configure();
    for (let i = 0; i < 6; i += 1) await send(...Array.from({ length: 1_000 }, () => ({})));
    await sleep(30);
    const sentAt = performance.now();
    await send({ body: 'last' });
    expect((await stats()).oldestAgeMs).toBeGreaterThanOrEqual(30);
    for (let i = 0; i < 6; i += 1) await store.acknowledge(queue, deliveries(await receive(1_000)));
    expect((await stats()).oldestAgeMs).toBeLessThanOrEqual(Math.ceil(performance.now() - sentAt));
    expect((await stats()).ready).toBe(1);
  });

  it('keeps every message in exactly one place, whatever happens to it', async () => {
    const message = fc.record({
      priority: fc.constantFrom(0, 0, 3, 9),
      groupId: fc.constantFrom(undefined, undefined, 'A', 'B'),
      ttlMs: fc.constantFrom(undefined, undefined, undefined, 4),
      delayMs: fc.constantFrom(0, 0, 0, 3),
      dedup: fc.constantFrom('', '', 'D', 'E'),
    });
    const step = fc.oneof(
      fc.record({
        do: fc.constant('send' as const),
        messages: fc.array(message, { minLength: 1, maxLength: 8 }),
      }),
      fc.record({
        do: fc.constant('receive' as const),
        max: fc.integer({ min: 1, max: 6 }),
        visibility: fc.constantFrom(2, 10_000),
      }),
      fc.record({
        do: fc.constantFrom('ack' as const, 'nack' as const, 'extend' as const, 'giveBack' as const),
        some: fc.integer({ min: 1, max: 4 }),
      }),
      fc.record({ do: fc.constantFrom('wait' as const, 'work' as const, 'purge' as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        queue = `q${count++}`;
        await configure({ maxReceives: 3 });
        const held: Delivery[] = [];
        for (const action of steps) {
          if (action.do === 'send') {
            await send(
              ...action.messages.map(({ groupId, ttlMs, ...rest }) => ({
                ...rest,
                ...(groupId !== undefined && { groupId }),
                ...(ttlMs !== undefined && { ttlMs }),
              })),
            );
          } else if (action.do === 'receive')
            held.push(...deliveries(await receive(action.max, action.visibility)));
          else if (action.do === 'ack') await store.acknowledge(queue, held.splice(0, action.some));
          else if (action.do === 'nack') await store.reject(queue, held.splice(-action.some), undefined);
          else if (action.do === 'extend') await store.extend(queue, held.slice(0, action.some), 3);
          else if (action.do === 'giveBack') await store.giveBack(queue, held.splice(-action.some));
          else if (action.do === 'wait') await sleep(4);
          else if (action.do === 'work') await store.doDueWork(queue);
          else await store.purge(queue);
          expect(await auditQueue(redis, queue)).toEqual([]);
        }
        await outbox.deliver(queue);
        expect(await auditQueue(redis, queue)).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});
