import { setTimeout as sleep } from 'node:timers/promises';
import { bodies, deliveries, QueueScripts } from '../../../../test/stages/queue-scripts.js';
import type { Delivery } from './receipt.js';

describe('the order of what becomes ready', () => {
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

  const numbers = (count: number) => Array.from({ length: count }, (_, body) => body);
  const receiveAll = async (): Promise<unknown[]> => {
    const all: unknown[] = [];
    for (let got = await stage.receive(1_000); got.messages.length > 0; got = await stage.receive(1_000)) {
      all.push(...bodies(got));
      await stage.acknowledge(deliveries(got));
    }
    return all;
  };
  const workUntilIdle = async (): Promise<number> => {
    for (let scripts = 1; ; scripts++) {
      const reply = await stage.store.doDueWork(stage.queue);
      if (reply?.dueInMs !== 0) return scripts;
    }
  };
  /** Sends them so that all are due at one instant, in their order. */
  const sendDueTogether = async (count: number, optionsOf: (body: number) => object = () => ({})) => {
    const dueAt = Date.now() + 400;
    for (let from = 0; from < count; from += 1_000) {
      const messages = numbers(Math.min(1_000, count - from)).map((i) => ({
        body: from + i,
        delayMs: 1,
        ...optionsOf(from + i),
      }));
      await stage.send(...messages);
    }
    const gen = await stage.redis.hget(`syncline:{queue:${stage.queue}}:queue`, 'gen');
    const delayed = `syncline:{queue:${stage.queue}}:${gen}:delayed`;
    // Sends cannot aim at a millisecond; what they stored can be moved to one.
    const members = await stage.redis.zrangeBuffer(delayed, '0', '-1');
    for (let from = 0; from < members.length; from += 1_000)
      await stage.redis.zadd(
        delayed,
        ...members.slice(from, from + 1_000).flatMap((member) => [String(dueAt), member]),
      );
    await sleep(Math.max(0, dueAt - Date.now()) + 5);
  };

  it('is that of sending for what is due at one instant, over all portions', async () => {
    await sendDueTogether(5_000);
    const scripts = await workUntilIdle();
    expect(scripts).toBeLessThan(10);
    expect(await receiveAll()).toEqual(numbers(5_000));
  });

  it('is by priority first for what is due at one instant, and that of sending within it', async () => {
    await sendDueTogether(3_000, (body) => ({
      priority: body % 3,
      ...(body % 5 === 0 && { groupId: `g${body % 25}`, priority: 0 }),
    }));
    await workUntilIdle();
    const received = (await receiveAll()) as number[];
    expect([...received].sort((a, b) => a - b)).toEqual(numbers(3_000));
    for (const kind of [0, 1, 2]) {
      const plain = received.filter((body) => body % 5 > 0 && body % 3 === kind);
      expect(plain).toEqual([...plain].sort((a, b) => a - b));
    }
    for (const group of [0, 5, 10, 15, 20]) {
      const grouped = received.filter((body) => body % 25 === group);
      expect(grouped).toEqual([...grouped].sort((a, b) => a - b));
    }
    const priorities = received.map((body) => (body % 5 === 0 ? 0 : body % 3));
    expect(priorities).toEqual([...priorities].sort((a, b) => b - a));
  });

  it('is that of sending also for groups and messages with a time to live', async () => {
    await sendDueTogether(700, () => ({ ttlMs: 60_000 }));
    await workUntilIdle();
    expect(await receiveAll()).toEqual(numbers(700));
    await sendDueTogether(700, () => ({ groupId: 'A' }));
    await workUntilIdle();
    expect(await receiveAll()).toEqual(numbers(700));
  });

  it('is by the instant first', async () => {
    await stage.send(...numbers(20).map((body) => ({ body, delayMs: 40 - body })));
    await sleep(60);
    expect(await receiveAll()).toEqual(numbers(20).reverse());
  });

  it('comes with how late each was that had waited for its time', async () => {
    await stage.send({ delayMs: 20 }, { delayMs: 40, groupId: 'A' }, { delayMs: 60_000 });
    await sleep(200);
    const late = (await stage.store.doDueWork(stage.queue))?.lateMs;
    const [first = 0, second = 0] = late ?? [];
    expect(late).toHaveLength(2);
    expect(first - second).toBe(20);
    expect(second).toBeGreaterThan(100);
    expect((await stage.store.doDueWork(stage.queue))?.lateMs).toEqual([]);
  });

  it('is by age for what comes back: one after the other, together, or when its time is over', async () => {
    await stage.send(...numbers(400).map((body) => ({ body })));
    const got = deliveries(await stage.receive(1_000));
    for (const one of got.slice(0, 5)) await stage.reject([one], 0);
    await stage.reject(got.slice(200).reverse(), 0);
    await stage.giveBack(got.slice(5, 10));
    await stage.extend(got.slice(10, 200), 1);
    await stage.send({ body: 400 });
    await sleep(10);
    await workUntilIdle();
    expect(await receiveAll()).toEqual(numbers(401));
  });

  it('is by priority before age, whether new or back', async () => {
    await stage.send(...numbers(6).map((body) => ({ body, priority: body % 3 })));
    await stage.reject(deliveries(await stage.receive(3)), 0);
    await stage.send({ body: 6, priority: 2 }, { body: 7, priority: 1 });
    expect(await receiveAll()).toEqual([2, 5, 6, 1, 4, 7, 0, 3]);
  });

  it('of a group in a FIFO queue waits for older messages in flight only, and by each way in which these end', async () => {
    stage.queue += '.fifo';
    await stage.configure();
    const sent = await stage.send(...numbers(8).map((body) => ({ body, groupId: 'A' })));
    const first = deliveries(await stage.receive(4));
    const sound = async () => expect(await stage.audit()).toEqual([]);
    await sound();
    const [zero, one, two, three] = first.map((delivery) => [delivery]) as [
      Delivery[],
      Delivery[],
      Delivery[],
      Delivery[],
    ];
    await stage.reject(one, 0);
    await sound();
    expect(bodies(await stage.receive(9))).toEqual([]);
    // Up to the first that is in flight.
    await stage.giveBack(zero);
    await sound();
    const [oldest] = sent.outcome === 'sent' ? sent.messages : [];
    const head = oldest !== undefined && 'id' in oldest ? oldest.id : '';
    expect(await stage.store.lookUp(stage.queue, head)).toMatchObject({ why: { kind: 'none' } });
    const again = await stage.receive(9);
    expect(bodies(again)).toEqual([0, 1]);
    await stage.send({ body: 8, groupId: 'A' });
    await sound();
    await stage.acknowledge(deliveries(again));
    await sound();
    expect(bodies(await stage.receive(9))).toEqual([]);
    // One that waits for its time holds back the younger ones, too.
    await stage.reject(two, 60_000);
    await stage.extend(three, 1);
    await sleep(5);
    await workUntilIdle();
    await sound();
    expect(bodies(await stage.receive(9))).toEqual([]);
  });

  it('shows delayed messages in it, page by page', async () => {
    await sendDueTogether(30);
    const gen = await stage.redis.hget(`syncline:{queue:${stage.queue}}:queue`, 'gen');
    expect(gen).not.toBeNull();
    const seen: number[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page = await stage.store.browse(stage.queue, { state: 'delayed', cursor, limit: 7 });
      seen.push(...(page?.messages ?? []).map(({ content }) => Number(content.body)));
      cursor = page?.cursor ?? null;
    }
    expect(seen).toEqual(numbers(30));
  });
});
