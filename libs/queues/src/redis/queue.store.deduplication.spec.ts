import { bodies, deliveries, type Given, QueueScripts } from '../../../../test/stages/queue-scripts.js';

describe('deduplication, by the scripts of a queue', () => {
  let stage: QueueScripts;

  beforeAll(async () => {
    stage = await QueueScripts.start('functions', { settableClock: true });
  });
  afterAll(() => stage.stop());
  beforeEach(() => stage.nextQueue());
  afterEach(async () => {
    expect(await stage.audit()).toEqual([]);
  });

  const LAST = 'D  1';
  const UNTIL_ACKED = 'D  2';
  const LAST_UNTIL_ACKED = 'D  3';
  /** The id, and whether the message is another one's. */
  const send = async (message: Given): Promise<[string, boolean]> => {
    const reply = await stage.send(message);
    const [one] = reply.outcome === 'sent' ? reply.messages : [];
    if (one === undefined || !('id' in one)) throw new Error(`expected to be sent: ${JSON.stringify(reply)}`);
    return [one.id, one.deduplicated];
  };
  const isDuplicate = async (dedup: string) => (await send({ dedup }))[1];
  const ackAll = async () => stage.acknowledge(deliveries(await stage.receive(10)));

  it('is remembered for a time of its own', async () => {
    await stage.configure();
    await send({ dedup: 'D 40000 0' });
    expect(await isDuplicate('D 40000 0')).toBe(true);
    await stage.pass(40_000);
    expect(await isDuplicate('D 60000 0')).toBe(false);
    await ackAll();
    expect(await isDuplicate('D 40000 0')).toBe(true);
  });

  it('lasts until the message has ended, in whatever way', async () => {
    await stage.configure({ maxReceives: 1 });
    const endings = [
      ackAll,
      async (id: string) => stage.store.cancel(stage.queue, id, undefined),
      async () => stage.reject(deliveries(await stage.receive(10))),
      async () => stage.store.purge(stage.queue),
    ];
    for (const end of endings) {
      const [id] = await send({ dedup: UNTIL_ACKED });
      expect(await send({ dedup: UNTIL_ACKED })).toEqual([id, true]);
      expect(await send({ dedup: 'D' })).toEqual([id, true]);
      await end(id);
      expect(await stage.audit()).toEqual([]);
      const [next, duplicate] = await send({ dedup: UNTIL_ACKED });
      expect([next === id, duplicate]).toEqual([false, false]);
      await ackAll();
    }
    await send({ dedup: UNTIL_ACKED, ttlMs: 5_000 });
    await stage.pass(5_000);
    await stage.store.doDueWork(stage.queue);
    expect(await isDuplicate(UNTIL_ACKED)).toBe(false);
  });

  it('outlives the window, and failures, until the ack', async () => {
    await stage.configure({ deduplicationWindowMs: 1_000 });
    await send({ dedup: UNTIL_ACKED });
    await stage.reject(deliveries(await stage.receive()), 0);
    await stage.pass(1_000);
    expect(await isDuplicate(UNTIL_ACKED)).toBe(true);
    const taken = deliveries(await stage.receive());
    expect(await isDuplicate(UNTIL_ACKED)).toBe(true);
    await stage.acknowledge(taken);
    expect(await isDuplicate(UNTIL_ACKED)).toBe(false);
  });

  it('gives a delayed message the last content, and pushes it back', async () => {
    await stage.configure();
    const [id] = await send({ body: 1, dedup: LAST, delayMs: 30_000 });
    expect(await send({ body: 2, dedup: LAST, delayMs: 60_000 })).toEqual([id, true]);
    await stage.pass(30_000);
    expect(bodies(await stage.receive(10))).toEqual([]);
    expect(await stage.stats()).toMatchObject({ sent: 1, delayed: 1 });
    expect(await send({ body: 'longer', priority: 5, dedup: LAST, delayMs: 1_000 })).toEqual([id, true]);
    expect(await stage.audit()).toEqual([]);
    await stage.pass(1_000);
    const taken = await stage.receive(10);
    expect(taken.messages).toMatchObject([{ id, content: { body: '"longer"', priority: 5 } }]);
    // It is on its way: the last one must not be lost.
    const [next, duplicate] = await send({ body: 3, dedup: LAST });
    expect([next === id, duplicate]).toEqual([false, false]);
    expect(await send({ body: 4, dedup: LAST })).toEqual([next, true]);
    expect(bodies(await stage.receive(10))).toEqual([4]);
  });

  it('replaces wherever the message waits, in groups, with TTLs, after a failure, until it is acked', async () => {
    await stage.configure();
    await send({ body: 'a', dedup: LAST_UNTIL_ACKED, groupId: 'G', ttlMs: 60_000 });
    await send({ body: 'behind', groupId: 'G' });
    await send({ body: 'b', dedup: LAST_UNTIL_ACKED });
    expect(await stage.audit()).toEqual([]);
    expect(bodies(await stage.receive(1))).toEqual(['b']);
    expect(bodies(await stage.receive(10))).toEqual(['behind']);
    await send({ body: 'c', dedup: LAST_UNTIL_ACKED });
    const taken = deliveries(await stage.receive(1));
    await stage.reject(taken, 10_000);
    await send({ body: 'd', dedup: LAST_UNTIL_ACKED, ttlMs: 9_000 });
    expect(await stage.audit()).toEqual([]);
    const [again] = (await stage.receive(1)).messages;
    expect(again).toMatchObject({ failures: 1, content: { body: '"d"' } });
  });

  it('refuses a replacement that has no room or would be over before it is due, and replaces nothing then', async () => {
    await stage.configure({ maxBytes: 100, retentionMs: 60_000 });
    await send({ body: 1, dedup: LAST, delayMs: 30_000 });
    expect(await stage.send({ body: 'x'.repeat(100), dedup: LAST })).toMatchObject({ outcome: 'full' });
    expect(await stage.send({ body: 2, dedup: LAST, delayMs: 60_000 })).toMatchObject({
      messages: [{ retentionMs: expect.any(Number) }],
    });
    expect(await stage.stats()).toMatchObject({ delayed: 1 });
    await send({ body: 3, dedup: LAST });
    expect(bodies(await stage.receive(1))).toEqual([3]);
  });
});
