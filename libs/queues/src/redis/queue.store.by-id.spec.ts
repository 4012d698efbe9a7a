import { setTimeout as sleep } from 'node:timers/promises';
import { bodies, deliveries, type Given, QueueScripts } from '../../../../test/stages/queue-scripts.js';
import type { FoundMessage } from './scripts/by-id.js';

describe('a message by its id, by the scripts of a queue', () => {
  let stage: QueueScripts;

  beforeAll(async () => {
    stage = await QueueScripts.start();
  });
  afterAll(() => stage.stop());
  beforeEach(() => stage.nextQueue());
  afterEach(async () => {
    expect(await stage.audit()).toEqual([]);
    expect(await stage.audit(`${stage.queue}.dead`)).toEqual([]);
  });

  const send = async (...messages: Given[]): Promise<string[]> => {
    const reply = await stage.send(...messages);
    if (reply.outcome !== 'sent') throw new Error('expected to be sent');
    return reply.messages.map((one) => ('id' in one ? one.id : ''));
  };
  const lookUp = async (id = '', queue = stage.queue) => {
    const found = await stage.store.lookUp(queue, id);
    if (found === null || !('content' in found)) throw new Error(`expected to find ${id}`);
    return found;
  };
  const isThere = async (id = '', queue = stage.queue) =>
    'content' in ((await stage.store.lookUp(queue, id)) ?? {});
  const why = async (id = '') => (await lookUp(id)).why;
  const cancel = async (id = '', reason?: string) =>
    (await stage.store.cancel(stage.queue, id, reason))?.done;
  const reschedule = async (id = '', change: { delayMs?: number; priority?: number }) =>
    (await stage.store.reschedule(stage.queue, id, change.delayMs, change.priority))?.outcome;
  const ends = (...ids: string[]) => stage.store.watch(stage.queue, ids, false);

  it('is shown with its state', async () => {
    await stage.configure();
    const [ready, delayed, taken] = await send({ body: 1 }, { delayMs: 60_000 }, { body: 3, priority: 9 });
    await stage.receive();
    expect(await lookUp(ready)).toMatchObject({ id: ready, state: 'ready', failures: 0, availableAt: null });
    expect(await lookUp(delayed)).toMatchObject({ state: 'delayed', availableAt: expect.any(Number) });
    expect(await lookUp(taken)).toMatchObject({ state: 'inFlight', inFlight: true, content: { body: '3' } });
    const [gen] = (ready ?? '').split('-');
    for (const id of ['', 'x', `${gen}-99`, `${gen}-`, `1-0`, `${gen}-00000000000000000000`]) {
      expect([id, await isThere(id)]).toEqual([id, false]);
    }
  });

  it('tells what keeps it from being delivered', async () => {
    await stage.configure({ rateLimit: { max: 1, perMs: 60_000 } });
    const [first, second, third, alone, later] = await send(
      { groupId: 'G' },
      { groupId: 'G' },
      { groupId: 'G' },
      { body: 'alone' },
      { delayMs: 60_000 },
    );
    expect(await why(first)).toEqual({ kind: 'none', until: null, blockedBy: null });
    expect(await why(third)).toEqual({ kind: 'group', until: null, blockedBy: first });
    const due = (await lookUp(later)).availableAt;
    expect(await why(later)).toEqual({ kind: 'delayed', until: due, blockedBy: null });

    const taken = await stage.receive();
    expect(await why(second)).toEqual({ kind: 'group', until: taken.visibleUntil, blockedBy: first });
    expect(await why(alone)).toEqual({ kind: 'rate', until: expect.any(Number), blockedBy: null });
    expect(await why(first)).toMatchObject({ kind: 'none' });
    await stage.reject(deliveries(taken), 50_000);
    expect(await why(second)).toMatchObject({ kind: 'group', until: expect.any(Number), blockedBy: first });
    await stage.store.pause(stage.queue, true);
    expect(await why(alone)).toMatchObject({ kind: 'paused' });
  });

  it('is blocked by a later one of its group that is still in flight', async () => {
    await stage.configure();
    const [first, second] = await send({ groupId: 'G' }, { groupId: 'G' });
    const [one] = deliveries(await stage.receive(2));
    if (one === undefined) throw new Error('expected two');
    await stage.reject([one], 0);
    expect(await why(first)).toMatchObject({ kind: 'group', blockedBy: second });
  });

  it('is cancelled where it waits: not delivered any more, counted, the same once more', async () => {
    await stage.configure();
    const all = await send({ body: 1 }, { body: 2 }, { body: 3, delayMs: 1 }, { body: 4, ttlMs: 60_000 });
    // Every node is told: one that remembers the send must not repeat it in a Redis that lost its data.
    const told: unknown[] = [];
    const subscriber = stage.redis.duplicate();
    await subscriber.subscribe('syncline.queue.queue.ended');
    subscriber.on('message', (_, text) => told.push(...JSON.parse(text).data.ids));
    for (const id of all.slice(1)) expect(await cancel(id)).toBe(true);
    await subscriber.ping();
    expect(told).toEqual(all.slice(1));
    subscriber.disconnect();
    expect(await cancel(all[1])).toBe(true);
    expect(await cancel('1-1')).toBe(false);
    await sleep(5);
    expect(bodies(await stage.receive(10))).toEqual([1]);
    expect(await stage.stats()).toMatchObject({ sent: 4, expired: 3, ready: 0, delayed: 0, inFlight: 1 });
    expect(await ends(...all)).toEqual([
      null,
      ...Array(3).fill(expect.objectContaining({ state: 'cancelled' })),
    ]);
  });

  it('is cancelled in flight: its receipt is stale, its group goes on', async () => {
    await stage.configure();
    const [first] = await send(
      { body: 1, groupId: 'G' },
      { body: 2, groupId: 'G' },
      { body: 3, groupId: 'H' },
    );
    const taken = deliveries(await stage.receive(1));
    expect(await cancel(first, 'withdrawn')).toBe(true);
    expect(await stage.acknowledge(taken)).toEqual(['stale']);
    expect(await stage.extend(taken, 1_000)).toEqual(['stale']);
    expect(await stage.reject(taken)).toEqual(['stale']);
    expect(await ends(first ?? '')).toMatchObject([{ state: 'cancelled', reason: 'withdrawn' }]);
    expect(bodies(await stage.receive(1))).toEqual([2]);
  });

  it('gets another priority, and is delivered once', async () => {
    await stage.configure();
    const [, , third, fourth] = await send({ body: 1 }, { body: 2 }, { body: 3 }, { body: 4, ttlMs: 60_000 });
    expect(await reschedule(third, { priority: 5 })).toMatchObject({ id: third, content: { priority: 5 } });
    expect(await reschedule(fourth, { priority: 9 })).toMatchObject({ id: fourth, state: 'ready' });
    expect(bodies(await stage.receive(2))).toEqual([4, 3]);
    expect(bodies(await stage.receive(10))).toEqual([1, 2]);
    expect(bodies(await stage.receive(10))).toEqual([]);
  });

  it('gets another delay, and back, and is delivered once each time', async () => {
    await stage.configure();
    const [first, second] = await send({ body: 1 }, { body: 2, delayMs: 60_000 }, { body: 3 });
    expect(await reschedule(first, { delayMs: 60_000 })).toMatchObject({ state: 'delayed' });
    expect(await reschedule(second, { delayMs: 0 })).toMatchObject({ state: 'ready', availableAt: null });
    expect(bodies(await stage.receive(10))).toEqual([2, 3]);
    expect(await reschedule(first, { priority: 3 })).toMatchObject({
      state: 'delayed',
      why: { kind: 'delayed' },
    });
    expect(await reschedule(first, { delayMs: 1 })).toMatchObject({ state: 'delayed' });
    await sleep(5);
    const last = await stage.receive(10);
    expect(bodies(last)).toEqual([1]);
    expect(await reschedule(first, { delayMs: 1 })).toBe('inFlight');
    expect(await stage.acknowledge(deliveries(last))).toEqual(['acked']);
    expect(await reschedule(first, { delayMs: 1 })).toBe('');
  });

  it('keeps the order of its group and the count of its deliveries, and outlives no TTL', async () => {
    await stage.configure();
    const [first, second] = await send(
      { body: 1, groupId: 'G', ttlMs: 60_000 },
      { body: 2, groupId: 'G' },
      { body: 3, groupId: 'H' },
    );
    await stage.reject(deliveries(await stage.receive(1)), 0);
    expect(await reschedule(second, { priority: 9 })).toMatchObject({ content: { priority: 9 } });
    expect(await reschedule(first, { priority: 2 })).toMatchObject({ failures: 1 });
    expect((await lookUp(first)).attempts).toHaveLength(1);
    expect(await reschedule(first, { delayMs: 60_000 })).toBe('over');
    const got = await stage.receive(2);
    expect(bodies(got)).toEqual([1, 2]);
    expect(got.messages.map(({ failures }) => failures)).toEqual([1, 0]);
  });

  it('carries its attempts, with what was said of them, to the dead letters and back under its id', async () => {
    await stage.configure({ maxReceives: 3 });
    const [id] = await send({ body: 'x' });
    const take = async () => deliveries(await stage.receive(1, 60_000));
    expect(await stage.giveBack(await take(), { told: true })).toEqual(['requeued']);
    expect(await stage.reject(await take(), 0, { reason: 'no' })).toEqual(['requeued']);
    const attempts = (await lookUp(id)).attempts;
    expect(attempts).toMatchObject([
      { how: 'stopped', nodeId: 'queue_1', at: expect.any(String), reason: null },
      { how: 'nacked', nodeId: 'queue_1', at: expect.any(String), reason: 'no', detail: null },
    ]);
    expect(await stage.reject(await take(), 0, { dead: true, reason: 'never' })).toEqual(['dead']);
    expect(await isThere(id)).toBe(false);
    await stage.outbox.deliver(stage.queue);

    const dead = `${stage.queue}.dead`;
    const { deadLetter } = (await lookUp(id, dead)).content.extra ?? {};
    expect(deadLetter).toMatchObject({ queue: stage.queue, reason: 'rejected', receiveCount: 2 });
    expect(deadLetter?.attempts).toMatchObject([...attempts, { how: 'nacked', reason: 'never' }]);
    await stage.store.redrive(dead, 10, undefined, undefined);
    expect(await isThere(id, dead)).toBe(false);
    await stage.outbox.deliver(dead);
    expect(await lookUp(id)).toMatchObject({ id, state: 'ready', attempts: [] });
    expect(await cancel(id)).toBe(true);
    expect(await cancel(id)).toBe(true);
    expect(await stage.stats()).toMatchObject({ ready: 0, dead: 0, expired: 1 });
  });

  it('keeps the latest 20 attempts, and 32 KiB of them', async () => {
    await stage.configure({ maxReceives: 1_000 });
    const [id] = await send({});
    const fail = async (reason: string, detail?: string) =>
      stage.store.reject(stage.queue, deliveries(await stage.receive()), { delayMs: 0, reason, detail });
    for (let i = 0; i < 25; i += 1) await fail(String(i));
    const reasons = ({ attempts }: FoundMessage) => attempts.map(({ reason }) => Number(reason));
    expect(reasons(await lookUp(id))).toEqual(Array.from({ length: 20 }, (_, i) => i + 5));
    for (let i = 0; i < 9; i += 1) await fail(String(i), 'd'.repeat(4_096));
    expect(reasons(await lookUp(id))).toEqual([2, 3, 4, 5, 6, 7, 8]);
  });

  it('tells the node that waits how it ended, and only that', async () => {
    await stage.configure({ maxReceives: 1 });
    const [done, dead, living, unasked] = await send({}, {}, {}, {});
    const watched = [done ?? '', dead ?? '', living ?? ''];
    expect(await stage.store.watch(stage.queue, watched, true)).toEqual([null, null, null]);
    const heard: unknown[] = [];
    const subscriber = stage.redis.duplicate();
    await subscriber.subscribe('syncline.queue.queue.ended.queue_1');
    subscriber.on('message', (_, text) => heard.push(JSON.parse(text).data.ids));
    const [one, two, , four] = deliveries(await stage.receive(4));
    if (one === undefined || two === undefined || four === undefined) throw new Error('expected four');
    await stage.acknowledge([four, one]);
    await stage.reject([two], 0);
    expect(await ends(...watched, unasked ?? '')).toMatchObject([
      { state: 'done' },
      { state: 'dead' },
      null,
      null,
    ]);
    expect(await stage.store.watch(stage.queue, [unasked ?? ''], true)).toEqual([{ state: 'gone' }]);
    await subscriber.ping();
    expect(heard).toEqual([[done], [dead]]);
    subscriber.disconnect();
  });
});
