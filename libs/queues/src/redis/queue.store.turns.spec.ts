import type { PutQueue } from '@syncline/contracts';
import { bodies, deliveries, type Given, QueueScripts } from '../../../../test/stages/queue-scripts.js';

describe('groups that take turns, by the scripts of a queue', () => {
  let stage: QueueScripts;

  beforeAll(async () => {
    stage = await QueueScripts.start();
  });
  afterAll(() => stage.stop());
  beforeEach(() => stage.nextQueue());
  afterEach(async () => {
    expect(await stage.audit()).toEqual([]);
  });

  const fair = (more: Partial<PutQueue> = {}) => stage.configure({ ordering: 'fair', ...more });
  const of = (group: string, count: number, more: Given = {}): Given[] =>
    Array.from({ length: count }, (_, i) => ({ body: `${group}${i + 1}`, groupId: group, ...more }));
  const plain = (count: number): Given[] => Array.from({ length: count }, (_, i) => ({ body: `-${i + 1}` }));
  /** Receives one after the other and acks each. */
  const drain = async (count: number) => {
    const order: string[] = [];
    for (let i = 0; i < count; i += 1) {
      const one = await stage.receive(1);
      order.push(...(bodies(one) as string[]));
      await stage.acknowledge(deliveries(one));
    }
    return order;
  };

  it('serve one with 10,000 messages and another with a single one alike', async () => {
    await fair();
    for (let i = 0; i < 10; i += 1) await stage.send(...of('A', 1_000));
    expect(await drain(3)).toEqual(['A1', 'A2', 'A3']);
    await stage.send(...of('B', 1));
    expect(await drain(2)).toContain('B1');
    await stage.send({ body: '-' });
    expect(await drain(2)).toContain('-');
  });

  it('go round, within one receive too, and keep their order', async () => {
    await fair();
    await stage.send(...of('A', 4), ...of('B', 2), ...plain(3));
    const got = bodies(await stage.receive(9)) as string[];
    expect(got.slice(0, 3).sort()).toEqual(['-1', 'A1', 'B1']);
    expect(got.slice(3, 6).sort()).toEqual(['-2', 'A2', 'B2']);
    expect(got.slice(6).sort()).toEqual(['-3', 'A3', 'A4']);
    expect(bodies(await stage.receive(9))).toEqual([]);
  });

  it('block a group with a batch in flight, and no other', async () => {
    await fair();
    await stage.send(...of('A', 3), ...of('B', 3));
    const first = await stage.receive(3);
    expect(bodies(first)).toEqual(['A1', 'B1', 'A2']);
    expect(await stage.audit()).toEqual([]);
    expect(bodies(await stage.receive(9))).toEqual([]);
    await stage.reject(deliveries(first).slice(2), 0);
    expect(bodies(await stage.receive(9))).toEqual([]);
    await stage.acknowledge(deliveries(first).slice(0, 1));
    expect(bodies(await stage.receive(9))).toEqual(['A2', 'A3']);
  });

  it('give nothing to who comes back again and again for one message', async () => {
    await fair();
    await stage.send(...of('A', 20), ...of('B', 20));
    const order: string[] = [];
    for (let i = 0; i < 30; i += 1) {
      if (i % 2 === 0) await stage.send({ body: 'C', groupId: 'C' });
      order.push(...(await drain(1)));
    }
    for (const letter of ['A', 'B', 'C']) {
      const count = order.filter((body) => body.startsWith(letter)).length;
      expect(count).toBeGreaterThanOrEqual(9);
      expect(count).toBeLessThanOrEqual(11);
    }
  });

  it('are kept at any limit of a group, and hand out as many of one that is alone as it may have', async () => {
    await fair({ maxInFlightPerGroup: 3 });
    await stage.send(...of('A', 6), ...of('B', 2));
    expect(bodies(await stage.receive(9))).toEqual(['A1', 'B1', 'A2', 'B2', 'A3']);
    expect(await stage.audit()).toEqual([]);
    await fair({ maxInFlightPerGroup: 5 });
    await stage.send(...of('B', 1));
    expect((bodies(await stage.receive(9)) as string[]).sort()).toEqual(['A4', 'A5', 'B1']);
  });

  it('are of each priority by itself, and the higher one goes first', async () => {
    await fair();
    await stage.send(...of('A', 3, { priority: 5 }), ...of('B', 2));
    expect(await drain(3)).toEqual(['A1', 'A2', 'A3']);
    await stage.send(...of('C', 1));
    expect((await drain(2)).sort()).toEqual(['B1', 'C1']);
  });

  it('begin where the queue stood when it was told to take them, and end when it is told so', async () => {
    await stage.configure();
    await stage.send(...of('A', 3), ...of('B', 3));
    await fair();
    await stage.send(...of('C', 2), ...plain(2));
    expect(await drain(2)).toEqual(['A1', 'B1']);
    expect((await drain(4)).sort()).toEqual(['-1', 'A2', 'B2', 'C1']);
    await stage.configure();
    expect((await drain(4)).sort()).toEqual(['-2', 'A3', 'B3', 'C2']);
    expect(await stage.stats()).toMatchObject({ ready: 0, inFlight: 0 });
  });

  it('are taken by what comes back and by what has a TTL, too', async () => {
    await fair();
    await stage.send(...plain(3), ...of('A', 3), { body: 'ttl', ttlMs: 600_000 });
    await stage.reject(deliveries(await stage.receive(3)), 0);
    expect(await stage.audit()).toEqual([]);
    expect((await drain(7)).sort()).toEqual(['-1', '-2', '-3', 'A1', 'A2', 'A3', 'ttl']);
  });

  it('remember no more groups than have just been served, however many there were', async () => {
    await fair();
    const keys = async () => {
      const gen = await stage.redis.hget(`syncline:{queue:${stage.queue}}:queue`, 'gen');
      return stage.redis.zcard(`syncline:{queue:${stage.queue}}:${gen}:served`);
    };
    // One that stays keeps the queue from being drained.
    await stage.send({ body: 'stays', delayMs: 600_000 });
    for (let round = 0; round < 5; round += 1) {
      await stage.send(...Array.from({ length: 100 }, (_, i) => ({ groupId: `${round}-${i}` })));
      await stage.acknowledge(deliveries(await stage.receive(100)));
      // Somebody with two messages leads into the next turn.
      await stage.send(...of('next', 2));
      await drain(2);
    }
    expect(await keys()).toBeLessThan(250);
  });
});
