import { setTimeout as sleep } from 'node:timers/promises';
import { deliveries, QueueScripts } from '../../../../test/stages/queue-scripts.js';

const REMEMBERED_MS = 300_000;

describe('an ack that is repeated', () => {
  let stage: QueueScripts;

  beforeAll(async () => {
    stage = await QueueScripts.start();
  });
  afterAll(() => stage.stop());
  beforeEach(async () => {
    stage.nextQueue();
    await stage.configure();
  });
  afterEach(async () => {
    expect(await stage.audit()).toEqual([]);
  });

  const ack = (...ended: ReturnType<typeof deliveries>) => stage.acknowledge(ended);
  const remembered = () => stage.redis.keys(`syncline:{queue:${stage.queue}}:*:acked:*`);

  it('is answered as the first one, whatever its message was, and counts once', async () => {
    await stage.send({}, { groupId: 'A' }, { ttlMs: 60_000 }, { priority: 9 });
    const got = deliveries(await stage.receive(10));
    expect(await ack(...got)).toEqual(Array(4).fill('acked'));
    expect(await ack(...got)).toEqual(Array(4).fill('acked'));
    for (const one of got) expect(await ack(one)).toEqual(['acked']);
    expect(await stage.stats()).toMatchObject({ acked: 4, inFlight: 0 });
  });

  it('is stale for an earlier delivery, before and after a later one was acked', async () => {
    await stage.send({}, { groupId: 'A' });
    const first = deliveries(await stage.receive(10, 20));
    await sleep(30);
    expect(await ack(...first)).toEqual(['stale', 'stale']);
    const second = deliveries(await stage.receive(10));
    expect(await ack(...second)).toEqual(['acked', 'acked']);
    expect(await ack(...first, ...second)).toEqual(['stale', 'stale', 'acked', 'acked']);
  });

  it('is stale for what was given up, or ended in another way', async () => {
    await stage.configure({ maxReceives: 1 });
    await stage.send({}, {});
    const [dead, purged] = deliveries(await stage.receive(10));
    if (dead === undefined || purged === undefined) throw new Error('expected two');
    await stage.reject([dead], 0);
    await stage.store.purge(stage.queue);
    expect(await ack(dead, purged)).toEqual(['stale', 'stale']);
  });

  it('holds across a purge', async () => {
    await stage.send({}, {});
    const [acked, purged] = deliveries(await stage.receive(10));
    if (acked === undefined || purged === undefined) throw new Error('expected two');
    await ack(acked);
    await stage.store.purge(stage.queue);
    expect(await ack(acked, purged)).toEqual(['acked', 'stale']);
  });

  it('is forgotten in time also by a queue that was purged', async () => {
    for (let i = 0; i < 2; i++) {
      await stage.send({});
      expect(await ack(...deliveries(await stage.receive()))).toEqual(['acked']);
      await stage.store.purge(stage.queue);
    }
    const keys = await remembered();
    expect(keys).toHaveLength(2);
    for (const key of keys) expect(await stage.redis.pttl(key)).toBeGreaterThan(REMEMBERED_MS);
  });

  it('is remembered in a bit a message, for at least 5 minutes and at most 10', async () => {
    for (let i = 0; i < 9; i++) await stage.send(...Array.from({ length: 1_000 }, () => ({})));
    const all = [];
    for (let got = await stage.receive(1_000); got.messages.length > 0; got = await stage.receive(1_000)) {
      all.push(...deliveries(got));
      await ack(...deliveries(got));
    }
    expect(all).toHaveLength(9_000);
    for (let i = 0; i < 9; i++)
      expect(await ack(...all.slice(1_000 * i, 1_000 * (i + 1)))).toEqual(Array(1_000).fill('acked'));
    let bytes = 0;
    for (const key of await remembered()) {
      const left = await stage.redis.pttl(key);
      expect(left).toBeGreaterThan(REMEMBERED_MS);
      expect(left).toBeLessThanOrEqual(2 * REMEMBERED_MS);
      bytes += Number(await stage.redis.memory('USAGE', key));
    }
    expect(bytes).toBeLessThan(9_000);
  });
});
