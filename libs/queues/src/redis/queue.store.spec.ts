import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@syncline/testing';
import { bodies, deliveries, QueueScripts } from '../../../../test/stages/queue-scripts.js';

describe('messages, by the scripts of a queue', () => {
  let stage: QueueScripts;

  beforeAll(async () => {
    stage = await QueueScripts.start();
  });
  afterAll(() => stage.stop());
  beforeEach(() => stage.nextQueue());
  afterEach(async () => {
    expect(await stage.audit()).toEqual([]);
  });

  it('delivers in the order of sending and, once acked, never again', async () => {
    await stage.configure();
    await stage.send({ body: 1 }, { body: 2 }, { body: 3 });
    const got = await stage.receive(10);
    expect(bodies(got)).toEqual([1, 2, 3]);
    expect(await stage.acknowledge(deliveries(got))).toEqual(['acked', 'acked', 'acked']);
    expect(await stage.stats()).toMatchObject({
      ready: 0,
      inFlight: 0,
      sent: 3,
      acked: 3,
      bytes: 0,
      oldestAgeMs: 0,
    });
    expect(bodies(await stage.receive(10))).toEqual([]);
  });

  it('puts higher priorities first, and within one the older', async () => {
    await stage.configure();
    await stage.send(
      { body: 'a', priority: 1 },
      { body: 'b', priority: 9 },
      { body: 'c' },
      { body: 'd', priority: 9 },
    );
    await stage.send(
      { body: 'e', priority: 1, ttlMs: 60_000 },
      { body: 'f', priority: 1 },
      { body: 'g', priority: 9, groupId: 'G' },
    );
    expect(bodies(await stage.receive(3))).toEqual(['b', 'd', 'g']);
    expect(bodies(await stage.receive(10))).toEqual(['a', 'e', 'f', 'c']);
  });

  it('delivers again when the visibility timeout is over, at the front, and the old receipt is stale', async () => {
    await stage.configure();
    await stage.send({ body: 1 }, { body: 2 });
    const first = await stage.receive(1, 40);
    await sleep(50);
    const second = await stage.receive(2);
    expect(bodies(second)).toEqual([1, 2]);
    expect(second.messages.map(({ failures }) => failures)).toEqual([1, 0]);
    expect(await stage.acknowledge(deliveries(first))).toEqual(['stale']);
    expect(await stage.extend(deliveries(first), 1_000)).toEqual(['stale']);
    expect(await stage.reject(deliveries(first), 0)).toEqual(['stale']);
    expect(await stage.acknowledge(deliveries(second))).toEqual(['acked', 'acked']);
  });

  it('takes a receipt for stale as soon as its time is over, though nobody has received again', async () => {
    await stage.configure();
    await stage.send({});
    const got = await stage.receive(1, 20);
    await sleep(30);
    expect(await stage.acknowledge(deliveries(got))).toEqual(['stale']);
  });

  it('counts equal receipts of one call once, and answers each', async () => {
    await stage.configure();
    await stage.send({}, {});
    const [one, two] = deliveries(await stage.receive(2));
    if (one === undefined || two === undefined) throw new Error('expected two');
    expect(
      await stage.acknowledge([one, one, two, { ...two, delivery: 2 }, { ...one, token: 6_400 }]),
    ).toEqual(['acked', 'acked', 'acked', 'stale', 'stale']);
    expect(await stage.stats()).toMatchObject({ acked: 2, inFlight: 0 });
  });

  it('brings a rejected message back at once, after a delay, or with back-off and jitter', async () => {
    await stage.configure({ backoff: { baseMs: 1_000, factor: 3, maxMs: 5_000 }, maxReceives: 10 });
    await stage.send({});
    await stage.reject(deliveries(await stage.receive()), 0);
    expect(await stage.stats()).toMatchObject({ ready: 1, delayed: 0 });
    const delayOf = async () => {
      const { messages } = (await stage.store.browse(stage.queue, {
        state: 'delayed',
        cursor: '',
        limit: 1,
      })) ?? { messages: [] };
      return (messages[0]?.availableAt ?? 0) - Date.now();
    };
    await stage.reject(deliveries(await stage.receive()), undefined);
    const second = await delayOf();
    expect(second).toBeGreaterThan(2_900);
    expect(second).toBeLessThanOrEqual(3_600);
  });

  it('takes back what is given back unhandled, uncounted and under another receipt, until it is over', async () => {
    await stage.configure({ maxReceives: 2 });
    await stage.send({ body: 1 }, { body: 2, groupId: 'G' }, { body: 3, groupId: 'G' }, { body: 4 });
    const earlier = [];
    for (let i = 0; i < 3; i++) {
      const got = deliveries(await stage.receive(3));
      expect(await stage.giveBack(got, { told: true })).toEqual(['requeued', 'requeued', 'requeued']);
      earlier.push(...got);
    }
    const got = await stage.receive(10);
    expect(bodies(got)).toEqual([1, 2, 3, 4]);
    expect(await stage.acknowledge(earlier)).toEqual(Array(9).fill('stale'));
    // None of them has failed so far: all come once more.
    expect(await stage.reject(deliveries(got), 0)).toEqual(Array(4).fill('requeued'));
    const [first, ...rest] = deliveries(await stage.receive(10));
    expect(await stage.giveBack(first ? [first] : [], { told: true, delayMs: 60_000 })).toEqual(['requeued']);
    expect(await stage.stats()).toMatchObject({ ready: 0, delayed: 1, inFlight: 3 });
    expect(await stage.reject(rest, 0)).toEqual(['dead', 'dead', 'dead']);
  });

  it('removes what is over when it comes back, and says so', async () => {
    await stage.configure();
    await stage.send({ body: 'mortal', ttlMs: 30 }, { body: 'mortal too', ttlMs: 30 });
    const [failed, unhandled] = deliveries(await stage.receive(2));
    if (failed === undefined || unhandled === undefined) throw new Error('expected two');
    await sleep(40);
    expect(await stage.reject([failed], 0)).toEqual(['expired']);
    expect(await stage.giveBack([unhandled], { told: true })).toEqual(['expired']);
    expect(await stage.stats()).toMatchObject({ ready: 0, inFlight: 0, expired: 2 });
  });

  it('moves a message whole to the dead letters after maxReceives, with its history', async () => {
    await stage.configure({ maxReceives: 2 });
    await stage.send({ body: { keep: 'me' }, groupId: 'G', priority: 3 });
    await stage.reject(deliveries(await stage.receive()), 0);
    await stage.receive(1, 10);
    await sleep(15);
    expect(bodies(await stage.receive())).toEqual([]);
    expect(await stage.stats()).toMatchObject({ ready: 0, inFlight: 0, dead: 1 });
    await stage.outbox.deliver(stage.queue);
    const dead = await stage.store.receive(`${stage.queue}.dead`, {
      max: 1,
      visibilityTimeoutMs: 1_000,
      waiter: null,
    });
    const content = dead?.messages[0]?.content;
    expect(content).toMatchObject({ body: '{"keep":"me"}', groupId: 'G', priority: 3 });
    expect(content?.extra?.deadLetter).toMatchObject({
      queue: stage.queue,
      reason: 'max-receives',
      receiveCount: 2,
    });
    expect(content?.extra?.deadLetter?.attempts.map(({ how }) => how)).toEqual(['nacked', 'timeout']);
  });

  it('delivers dead letters once, however often the outbox is emptied', async () => {
    await stage.configure({ maxReceives: 1 });
    await stage.send({ body: 1 }, { body: 2 }, { body: 3 });
    await stage.reject(deliveries(await stage.receive(3)), 0);
    const { posted: stale } = await stage.store.peekOutbox(stage.queue);
    await Promise.all([
      stage.outbox.deliver(stage.queue),
      stage.outbox.deliver(stage.queue),
      stage.outbox.deliver(stage.queue),
    ]);
    const messages = stale.map(({ number, id, message }) => {
      const content = { ...message, extra: { id, deadLetter: null } };
      return { number, content, returnsHome: false, delayMs: 0, deduplication: '' };
    });
    await stage.store.adopt(`${stage.queue}.dead`, stage.queue, messages);
    expect((await stage.store.describe(`${stage.queue}.dead`))?.stats).toMatchObject({ ready: 3, sent: 3 });
    expect((await stage.store.peekOutbox(stage.queue)).posted).toEqual([]);
    expect(await stage.audit(`${stage.queue}.dead`)).toEqual([]);
  });

  it('keeps the order of a group across retries, and lets other groups run', async () => {
    await stage.configure();
    await stage.send(
      { body: 'a1', groupId: 'A' },
      { body: 'a2', groupId: 'A' },
      { body: 'b1', groupId: 'B' },
      { body: 'a3', groupId: 'A' },
    );
    const first = await stage.receive(1);
    expect(bodies(first)).toEqual(['a1']);
    const other = await stage.receive(10);
    expect(bodies(other)).toEqual(['b1']);
    await stage.reject(deliveries(first), 1_000);
    expect(bodies(await stage.receive(10))).toEqual([]);
    await sleep(1_010);
    const again = await stage.receive(2);
    expect(bodies(again)).toEqual(['a1', 'a2']);
    const [one, two] = deliveries(again);
    if (one === undefined || two === undefined) throw new Error('expected two');
    await stage.acknowledge([two]);
    expect(bodies(await stage.receive(10))).toEqual([]);
    await stage.acknowledge([one]);
    expect(bodies(await stage.receive(10))).toEqual(['a3']);
  });

  it('holds back what stands behind a delayed message of its group', async () => {
    await stage.configure();
    await stage.send(
      { body: 'a1', groupId: 'A', delayMs: 1_000 },
      { body: 'a2', groupId: 'A' },
      { body: 'free' },
    );
    expect(bodies(await stage.receive(10))).toEqual(['free']);
    await sleep(1_010);
    expect(bodies(await stage.receive(10))).toEqual(['a1', 'a2']);
  });

  it('never delivers a delayed message early', async () => {
    await stage.configure();
    const sentAt = performance.now();
    await stage.send({ delayMs: 80 });
    expect(await stage.stats()).toMatchObject({ ready: 0, delayed: 1 });
    await eventually(async () => expect((await stage.receive()).messages).toHaveLength(1));
    expect(performance.now() - sentAt).toBeGreaterThanOrEqual(80);
  });

  it('drops a message when its own TTL is over: ready, delayed, in a group or back from a delivery', async () => {
    await stage.configure();
    await stage.send(
      { ttlMs: 1_000 },
      { ttlMs: 1_000, delayMs: 10_000 },
      { ttlMs: 1_000, groupId: 'A' },
      { body: 'stays', groupId: 'A' },
    );
    await stage.send({ body: 'taken', ttlMs: 1_000, priority: 9 });
    const taken = await stage.receive(1, 1_000);
    expect(bodies(taken)).toEqual(['taken']);
    await sleep(1_010);
    expect(bodies(await stage.receive(10))).toEqual(['stays']);
    expect(await stage.stats()).toMatchObject({ expired: 4, ready: 0, delayed: 0, inFlight: 1 });
  });

  it('removes what is older than the retention, but not what is in flight', async () => {
    await stage.configure({ retentionMs: 1_000 });
    await stage.send(
      { body: 'flying', priority: 9 },
      { body: 'old' },
      { body: 'old', groupId: 'A' },
      { body: 'old', ttlMs: 10_000 },
    );
    const flying = await stage.receive(1);
    await sleep(1_010);
    await stage.store.doDueWork(stage.queue);
    expect(await stage.stats()).toMatchObject({ ready: 0, inFlight: 1, expired: 3 });
    expect(await stage.acknowledge(deliveries(flying))).toEqual(['acked']);
    expect(await stage.send({ delayMs: 1_000 }, { body: 'in time' })).toMatchObject({
      messages: [{ retentionMs: 1_000 }, { deduplicated: false }],
    });
  });

  it('answers a repeated deduplication id with the first id, within one call too', async () => {
    await stage.configure({ maxLength: 2 });
    const first = await stage.send({ dedup: 'D' }, { dedup: 'E' }, { dedup: 'D' });
    const again = await stage.send({ dedup: 'D' });
    if (first.outcome !== 'sent' || again.outcome !== 'sent') throw new Error('expected it to be taken');
    const original = { ...first.messages[0], deduplicated: true };
    expect(first.messages[2]).toEqual(original);
    expect(again.messages).toEqual([original]);
    expect(await stage.stats()).toMatchObject({ ready: 2, sent: 2 });
    const keys = await stage.redis.keys(`syncline:{queue:${stage.queue}}:*:d:*`);
    expect(keys).toHaveLength(2);
    for (const key of keys) expect(await stage.redis.pttl(key)).toBeGreaterThan(290_000);
  });
});
