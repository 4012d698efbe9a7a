import { setTimeout as sleep } from 'node:timers/promises';
import { defaultConfiguration } from '@syncline/contracts';
import { Drain } from '@syncline/runtime';
import { eventually } from '@syncline/testing';
import { bodies, deliveries, QueueScripts } from '../../../../test/stages/queue-scripts.js';
import { UnmadeQueues } from '../queues/unmade-queues.js';
import { queueKeys } from './queue.keys.js';

describe('a queue as a whole, by its scripts', () => {
  let stage: QueueScripts;

  beforeAll(async () => {
    stage = await QueueScripts.start();
  });
  afterAll(() => stage.stop());
  beforeEach(() => stage.nextQueue());
  afterEach(async () => {
    expect(await stage.audit()).toEqual([]);
  });

  it('is made once: whoever makes it again, as a send at the same moment does, leaves it as it is', async () => {
    await stage.configure({ maxReceives: 3 });
    await stage.send({});
    const again = await stage.store.make(stage.queue, defaultConfiguration(stage.queue));
    expect(again.done).toBe(false);
    expect(await stage.store.describe(stage.queue)).toMatchObject({
      configuration: { maxReceives: 3 },
      stats: { ready: 1, sent: 1 },
    });
  });

  it('refuses a whole batch that would not fit', async () => {
    await stage.configure({ maxLength: 3, maxBytes: 60 });
    await stage.send({}, {});
    const full = { outcome: 'full', dueInMs: null, durability: 'local' };
    expect(await stage.send({}, {})).toEqual({ ...full, limit: 'maxLength', fits: [0] });
    expect(await stage.send({ body: 'x'.repeat(50) })).toEqual({ ...full, limit: 'maxBytes', fits: [] });
    expect(await stage.stats()).toMatchObject({ ready: 2, sent: 2 });
    await stage.acknowledge(deliveries(await stage.receive(2)));
    expect((await stage.send({}, {}, {})).outcome).toBe('sent');
  });

  it('delivers nothing while it is paused', async () => {
    await stage.configure();
    await stage.send({});
    await stage.store.pause(stage.queue, true);
    expect((await stage.receive()).messages).toEqual([]);
    await stage.store.pause(stage.queue, false);
    expect((await stage.receive()).messages).toHaveLength(1);
  });

  it('purges all at once: nothing from before is delivered, no receipt holds', async () => {
    await stage.configure();
    await stage.send({}, { delayMs: 5 }, { groupId: 'A' }, { ttlMs: 1_000 }, { priority: 5, dedup: 'D' });
    const taken = await stage.receive(1);
    expect(await stage.store.purge(stage.queue)).toMatchObject({ purged: 5 });
    expect(await stage.send({ body: 'after', dedup: 'D' })).toMatchObject({
      messages: [{ deduplicated: false }],
    });
    await sleep(10);
    expect(bodies(await stage.receive(10))).toEqual(['after']);
    expect(await stage.acknowledge(deliveries(taken))).toEqual(['stale']);
    expect(await stage.stats()).toMatchObject({ sent: 6, expired: 5, inFlight: 1 });
  });

  it('removes what a purge left behind in portions', async () => {
    await stage.configure();
    const messages = Array.from({ length: 1_000 }, () => ({}));
    for (let i = 0; i < 9; i += 1) await stage.send(...messages);
    // As many buckets as if a million messages more had passed through.
    await stage.redis.hset(`syncline:{queue:${stage.queue}}:queue`, 'seq', 4_096 * 600);
    await stage.store.purge(stage.queue);
    expect(await stage.redis.exists(`syncline:{queue:${stage.queue}}:trash`)).toBe(1);
    await eventually(async () => expect((await stage.store.doDueWork(stage.queue))?.dueInMs).toBeNull());
    expect(await stage.redis.keys(`syncline:{queue:${stage.queue}}:*`)).toEqual([
      `syncline:{queue:${stage.queue}}:queue`,
    ]);
  });

  it('forgets everything when it is deleted, and a successor accepts no receipt of it', async () => {
    await stage.configure();
    await stage.send({ dedup: 'D' });
    const taken = await stage.receive(1);
    expect(await stage.store.remove(stage.queue)).toEqual({ durability: 'local', schedules: [] });
    expect(await stage.store.remove(stage.queue)).toBeNull();
    expect(
      await stage.store.receive(stage.queue, { max: 1, visibilityTimeoutMs: undefined, waiter: null }),
    ).toBeNull();
    await stage.configure();
    const again = await stage.send({ dedup: 'D' });
    if (again.outcome !== 'sent') throw new Error('expected it to be taken');
    expect(again.messages).toMatchObject([{ deduplicated: false }]);
    await stage.receive(1);
    expect(await stage.acknowledge(deliveries(taken))).toEqual(['stale']);
  });

  it('stays on the list of names when it was made after it had been found gone, and leaves it when it is gone', async () => {
    const listed = async () => (await stage.store.names.page(stage.queue, null, 1)).length;
    expect(await stage.store.doDueWork(stage.queue)).toBeNull();
    await stage.configure();
    await stage.store.forget(stage.queue);
    expect(await listed()).toBe(1);
    await stage.store.remove(stage.queue);
    await stage.store.forget(stage.queue);
    expect(await listed()).toBe(0);
  });

  it('is awaited until it is made, also when no hint tells of it', async () => {
    const unmade = new UnmadeQueues(stage.store, new Drain());
    const connected = new AbortController().signal;
    expect(await unmade.wait(stage.queue, 1, connected)).toBe(false);
    const waiting = [unmade.wait(stage.queue, 60_000, connected), unmade.wait('never', 60_000, connected)];
    await stage.configure();
    expect(await waiting[0]).toBe(true);
    expect(await unmade.wait(stage.queue, 60_000, connected)).toBe(true);
    unmade.onMade('never');
    expect(await waiting[1]).toBe(true);
    unmade.onModuleDestroy();
  });

  it('may have changed as long as the list of those that have could not be read', async () => {
    const { redis, store } = stage;
    store.inUse.forget();
    await redis.set(queueKeys.inUse(), 'no list');
    await expect(store.inUse.sinceLast()).rejects.toThrow('WRONGTYPE');
    await redis.del(queueKeys.inUse());
    expect(await store.inUse.sinceLast()).toBeNull();
    expect(await store.inUse.sinceLast()).not.toBeNull();
  });

  it('takes back what nobody was told of, uncounted and at the front', async () => {
    await stage.configure({ maxReceives: 1 });
    await stage.send({ body: 1 }, { body: 2, groupId: 'A' }, { body: 3, ttlMs: 10_000 }, { body: 4 });
    const untold = await stage.receive(3);
    await stage.giveBack(deliveries(untold));
    const again = await stage.receive(10);
    expect(bodies(again)).toEqual([1, 2, 3, 4]);
    expect(again.messages.map(({ failures }) => failures)).toEqual([0, 0, 0, 0]);
  });

  it('shows messages by state, page by page, without receiving them', async () => {
    await stage.configure();
    await stage.send(...Array.from({ length: 7 }, (_, body) => ({ body, priority: body % 3 })));
    await stage.send(...Array.from({ length: 5 }, (_, body) => ({ body, delayMs: 60_000 })));
    await stage.receive(2);
    const all = async (state: 'ready' | 'delayed' | 'inFlight', limit: number) => {
      const seen: number[] = [];
      for (let cursor: string | null = ''; cursor !== null; ) {
        const page = await stage.store.browse(stage.queue, { state, cursor, limit });
        if (page === null) throw new Error('no such queue');
        seen.push(...page.messages.map(({ content }) => Number(content.body)));
        cursor = page.cursor;
      }
      return seen;
    };
    for (const limit of [1, 2, 3, 100]) {
      expect(await all('ready', limit)).toEqual([0, 1, 3, 4, 6]);
      expect((await all('delayed', limit)).sort()).toEqual([0, 1, 2, 3, 4]);
      expect(await all('inFlight', limit)).toEqual([2, 5]);
    }
    expect(await stage.stats()).toMatchObject({ ready: 5, delayed: 5, inFlight: 2 });
  });

  it('leaves nothing but its configuration when it is drained', async () => {
    await stage.configure();
    await stage.send(
      { ttlMs: 50_000 },
      { groupId: 'A' },
      { groupId: 'A' },
      { delayMs: 5 },
      { priority: 7 },
      {},
    );
    await sleep(10);
    await stage.reject(deliveries(await stage.receive(10)), 0);
    for (let left = 6; left > 0; ) {
      const got = await stage.receive(10);
      left -= got.messages.length;
      await stage.acknowledge(deliveries(got));
    }
    const left = await stage.redis.keys(`syncline:{queue:${stage.queue}}:*`);
    const lasting = left.filter((key) => !key.includes(':acked:'));
    expect(lasting).toEqual([`syncline:{queue:${stage.queue}}:queue`]);
    for (const key of left)
      if (!lasting.includes(key)) expect(await stage.redis.pttl(key)).toBeGreaterThan(0);
  });

  it('counts deliveries and failures, however the deliveries end', async () => {
    await stage.configure({ visibilityTimeoutMs: 1, maxReceives: 2 });
    await stage.send({}, {}, {}, {}, { groupId: 'g' });
    const taken = deliveries(await stage.receive(5, 60_000));
    expect(await stage.stats()).toMatchObject({ received: 5, failed: 0, inFlight: 5 });
    await stage.acknowledge(taken.slice(0, 1));
    await stage.reject(taken.slice(1, 2), 60_000);
    await stage.giveBack(taken.slice(2, 3), { told: true, delayMs: 60_000 });
    // Nobody was told of this one.
    await stage.giveBack(taken.slice(3, 4), { delayMs: 60_000 });
    expect(await stage.stats()).toMatchObject({ received: 4, acked: 1, failed: 1, inFlight: 1 });
    await stage.store.purge(stage.queue);
    await stage.send({});
    await stage.receive();
    await eventually(async () => expect(await stage.stats()).toMatchObject({ ready: 1, failed: 2 }));
    expect(await stage.stats()).toMatchObject({ received: 5, acked: 1, inFlight: 0 });
  });

  it('tells the age of the oldest ready message apart from that of the others', async () => {
    await stage.configure();
    await stage.send({ delayMs: 60_000 }, {});
    await stage.receive();
    await sleep(30);
    expect((await stage.stats()).oldestReadyAgeMs).toBe(0);
    for (const given of [{}, { groupId: 'g' }, { ttlMs: 60_000 }, { priority: 9 }]) {
      const sentAt = performance.now();
      await stage.send(given);
      await sleep(10);
      const { oldestReadyAgeMs } = await stage.stats();
      expect(oldestReadyAgeMs).toBeGreaterThanOrEqual(9);
      expect(oldestReadyAgeMs).toBeLessThanOrEqual(Math.ceil(performance.now() - sentAt) + 1);
      await stage.receive();
    }
    expect((await stage.stats()).oldestAgeMs).toBeGreaterThanOrEqual(60);
  });

  it('tells the age of the oldest message exactly, also past long gaps', async () => {
    await stage.configure();
    for (let i = 0; i < 6; i += 1) await stage.send(...Array.from({ length: 1_000 }, () => ({})));
    await sleep(30);
    const sentAt = performance.now();
    await stage.send({ body: 'last' });
    expect((await stage.stats()).oldestAgeMs).toBeGreaterThanOrEqual(30);
    for (let i = 0; i < 6; i += 1) await stage.acknowledge(deliveries(await stage.receive(1_000)));
    expect((await stage.stats()).oldestAgeMs).toBeLessThanOrEqual(Math.ceil(performance.now() - sentAt));
    expect((await stage.stats()).ready).toBe(1);
  });

  it('takes nothing that was judged by another limit than it has, and hands out few large messages at once', async () => {
    await stage.configure();
    expect(await stage.sendTo([], [{}], 100)).toMatchObject({ outcome: 'limit', maxMessageBytes: 262_144 });
    await stage.configure({ maxMessageBytes: 1_048_576 });
    expect(await stage.send({})).toMatchObject({ outcome: 'limit', maxMessageBytes: 1_048_576 });
    expect((await stage.stats()).sent).toBe(0);
    const large = { body: 'x'.repeat(1_000_000) };
    expect(await stage.sendTo([], [large, large, large, large], 1_048_576)).toMatchObject({
      outcome: 'sent',
    });
    // One more than fits into 2 MiB.
    expect((await stage.receive(4)).messages).toHaveLength(3);
  });
});
