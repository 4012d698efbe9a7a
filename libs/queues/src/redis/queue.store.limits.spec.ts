import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { bodies, deliveries, type Given, QueueScripts } from '../../../../test/stages/queue-scripts.js';

describe('limits of what is in flight, by the scripts of a queue', () => {
  let stage: QueueScripts;
  let subscriber: Redis;
  let woken: string[] = [];

  beforeAll(async () => {
    stage = await QueueScripts.start();
    subscriber = stage.redis.duplicate();
    await subscriber.subscribe('syncline.queue.queue.wake.queue_1');
    subscriber.on('message', (_, text) => woken.push(...JSON.parse(text).data.ids));
  });
  afterAll(async () => {
    subscriber.disconnect();
    await stage.stop();
  });
  beforeEach(() => stage.nextQueue());
  afterEach(async () => {
    expect(await stage.audit()).toEqual([]);
  });

  const of = (group: string, count: number, more: Given = {}): Given[] =>
    Array.from({ length: count }, (_, i) => ({ body: `${group}${i + 1}`, groupId: group, ...more }));
  const plain = (count: number): Given[] => Array.from({ length: count }, (_, i) => ({ body: `-${i + 1}` }));
  const send = async (...messages: Given[]) => {
    const reply = await stage.send(...messages);
    if (reply.outcome !== 'sent') throw new Error('expected it to be taken');
    return reply.messages.map((message) => ('id' in message ? message.id : ''));
  };
  const why = async (id = '') => {
    const found = await stage.store.lookUp(stage.queue, id);
    return found !== null && 'content' in found ? found.why : null;
  };
  /** Bodies that are received now; nothing of them ends. */
  const take = async (max = 10) => bodies(await stage.receive(max));
  /** Who was woken by what is done. */
  const wokenBy = async (action: () => Promise<unknown>) => {
    woken = [];
    await action();
    await subscriber.ping();
    return woken;
  };

  describe('maxInFlight', () => {
    it('is kept exactly, and each way in which a delivery ends makes room for one', async () => {
      await stage.configure({ maxInFlight: 2, maxReceives: 2 });
      const ids = await send(...plain(12));
      const [first, second] = deliveries(await stage.receive(5));
      if (first === undefined || second === undefined) throw new Error('expected two');
      expect(await take()).toEqual([]);
      const isFree = async () => {
        const next = deliveries(await stage.receive(5, 60_000));
        expect(next).toHaveLength(1);
        expect(await take()).toEqual([]);
        return next;
      };
      await stage.acknowledge([first]);
      const third = await isFree();
      await stage.reject([second], 600_000);
      const fourth = await isFree();
      await stage.giveBack(third, { delayMs: 600_000 });
      const fifth = await isFree();
      await stage.extend(fourth, 1);
      await sleep(5);
      // It comes back, and takes the room that it made.
      const again = await isFree();
      await stage.reject(again, 0, { dead: true });
      await isFree();
      await stage.store.cancel(stage.queue, ids[4] ?? '', undefined);
      await isFree();
      expect(fifth).toHaveLength(1);
      await stage.store.purge(stage.queue);
      await send(...plain(3));
      expect(await take()).toEqual(['-1', '-2']);
    });

    it('says what a message waits for', async () => {
      await stage.configure({ maxInFlight: 1 });
      const [first, second] = await send(...plain(2));
      await stage.receive(1);
      expect(await why(second)).toEqual({
        kind: 'inFlightLimit',
        until: expect.any(Number),
        blockedBy: first,
      });
    });

    it('wakes one receiver for each delivery that ended, and none while there is no room', async () => {
      await stage.configure({ maxInFlight: 2 });
      await send(...plain(3));
      const [first, second] = deliveries(await stage.receive(2));
      if (first === undefined || second === undefined) throw new Error('expected two');
      const parked = await stage.park('queue_1#a', 1);
      await stage.park('queue_1#b', 1);
      await stage.park('queue_1#c', 1);
      const more = await wokenBy(async () => {
        const reply = await stage.sendTo([parked], [{ body: 'more' }]);
        expect(reply).toMatchObject({ outcome: 'sent', handed: [] });
      });
      expect(more).toEqual([]);
      expect(await wokenBy(() => stage.acknowledge([first]))).toEqual(['a']);
      expect(await take()).toEqual(['-3']);
      expect(await wokenBy(() => stage.reject([second], 600_000))).toEqual(['b']);
    });

    it('hands out what waits as soon as it is raised or gone', async () => {
      await stage.configure({ maxInFlight: 1 });
      await send(...plain(6));
      await stage.receive(1);
      for (const waiter of ['a', 'b', 'c', 'd']) await stage.park(`queue_1#${waiter}`, 1);
      expect(await wokenBy(() => stage.configure({ maxInFlight: 3 }))).toEqual(['a', 'b']);
      expect(await take()).toEqual(['-2', '-3']);
      expect(await wokenBy(() => stage.configure())).toEqual(['c', 'd']);
      await stage.configure({ maxInFlight: 2 });
      expect(await take()).toEqual([]);
    });
  });

  describe('maxInFlightPerGroup', () => {
    it('bounds each group by itself, in the order of sending', async () => {
      await stage.configure({ maxInFlightPerGroup: 2 });
      await send(...of('A', 5), ...of('B', 1));
      const first = await stage.receive(10);
      expect(bodies(first)).toEqual(['A1', 'A2', 'B1']);
      expect(await take()).toEqual([]);
      expect(await stage.audit()).toEqual([]);
      const [one, two] = deliveries(first);
      if (one === undefined || two === undefined) throw new Error('expected two');
      await stage.acknowledge([two]);
      expect(await take()).toEqual(['A3']);
      await stage.reject([one], 0);
      expect(await take()).toEqual(['A1']);
    });

    it('lets no message wait for one that comes back later', async () => {
      await stage.configure({ maxInFlightPerGroup: 2 });
      await send(...of('A', 1, { delayMs: 600_000 }), ...of('B', 1), ...of('A', 3));
      const [b, a] = deliveries(await stage.receive(2));
      if (a === undefined || b === undefined) throw new Error('expected two');
      await stage.reject([a], 600_000);
      expect(await take()).toEqual(['A2', 'A3']);
      await stage.giveBack([b]);
      expect(await take()).toEqual(['B1']);
    });

    it('says what a message waits for', async () => {
      await stage.configure({ maxInFlightPerGroup: 3 });
      const ids = await send(...of('A', 5));
      for (const body of ['A1', 'A2']) expect(await take(1)).toEqual([body]);
      expect(await why(ids[3])).toMatchObject({ kind: 'none' });
      expect(await take(1)).toEqual(['A3']);
      expect(await take(1)).toEqual([]);
      expect(await why(ids[4])).toEqual({ kind: 'group', blockedBy: ids[0], until: expect.any(Number) });
    });

    it('wakes a receiver for each message that may go', async () => {
      await stage.configure({ maxInFlightPerGroup: 2 });
      for (const waiter of ['a', 'b', 'c']) await stage.park(`queue_1#${waiter}`, 1);
      expect(await wokenBy(() => stage.send(...of('A', 3)))).toEqual(['a', 'b']);
      const taken = deliveries(await stage.receive(1));
      await stage.receive(1);
      expect(await wokenBy(() => stage.acknowledge(taken))).toEqual(['c']);
      expect(await take()).toEqual(['A3']);
    });

    it('takes effect for groups that are in flight when it is raised, some hundreds of them too', async () => {
      await stage.configure();
      const groups = Array.from({ length: 500 }, (_, i) => of(`G${i}-`, 2));
      await send(...groups.flatMap(([first = {}]) => first));
      expect(await take(1_000)).toHaveLength(500);
      await send(...groups.flatMap(([, second = {}]) => second));
      expect(await take()).toEqual([]);
      await stage.configure({ maxInFlightPerGroup: 2 });
      let got = 0;
      for (let i = 0; i < 20 && got < 500; i += 1) got += (await take(1_000)).length;
      expect(got).toBe(500);
    });

    it('takes effect when it is lowered, as soon as what is in flight beyond it has ended', async () => {
      await stage.configure({ maxInFlightPerGroup: 3 });
      await send(...of('A', 6));
      const [one, two, three] = deliveries(await stage.receive(3));
      if (one === undefined || two === undefined || three === undefined) throw new Error('expected three');
      await stage.configure();
      expect(await take()).toEqual([]);
      await stage.acknowledge([one]);
      expect(await take()).toEqual([]);
      expect(await stage.audit()).toEqual([]);
      await stage.reject([two], 0);
      await stage.giveBack([three]);
      expect(await take()).toEqual(['A2', 'A3', 'A4', 'A5', 'A6']);
    });

    it('keeps what it does not hand out for lack of room in its place', async () => {
      await stage.configure({ maxInFlightPerGroup: 3, maxMessageBytes: 1_048_576 });
      const large = { body: 'x'.repeat(1_000_000), groupId: 'A' };
      await stage.sendTo([], [large, large, large], 1_048_576);
      expect((await take()).length).toBe(2);
      expect(await stage.audit()).toEqual([]);
      expect((await take()).length).toBe(1);
    });
  });
});
