import type { Membership } from '@syncline/cluster';
import type { PutQueue } from '@syncline/contracts';
import type { Drain } from '@syncline/runtime';
import { eventually } from '@syncline/testing';
import { bodies, ScriptStage } from '../../../../test/stages/script-stage.js';
import { MessagesService } from '../messages/messages.service.js';
import { Receipts } from '../messages/receipts.js';
import { DueTimers } from '../timers/due-timers.js';
import { Line } from './line.js';

let stage: ScriptStage;

beforeAll(async () => {
  stage = await ScriptStage.start();
});
afterAll(() => stage.stop());
beforeEach(() => stage.nextQueue());
afterEach(async () => {
  expect(await stage.audit()).toEqual([]);
});

const key = (part: string) => `syncline:{queue:${stage.queue}}:${part}`;
const inLine = () => stage.redis.zrange(key('w'), '0', '-1');

/** A queue whose next due thing is known: one message is in flight. */
async function begin(configuration: Partial<PutQueue> = {}): Promise<void> {
  await stage.configure({ visibilityTimeoutMs: 20_000, ...configuration });
  await stage.send({ body: 'first' });
  await stage.receive(1, 10_000);
}

/** How often Redis did something while a call ran. */
async function counted(command: string, call: () => Promise<unknown>): Promise<number> {
  await stage.redis.config('RESETSTAT');
  await call();
  const stats = await stage.redis.info('commandstats');
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
}

describe('a send that meets parked receivers of its node', () => {
  const sendVouching = async (...args: Parameters<ScriptStage['sendVouching']>) => {
    const reply = await stage.sendVouching(...args);
    if (reply.outcome !== 'sent') throw new Error('expected it to be taken');
    return reply.handed.map(({ receiver, deliveries }) => ({
      receiver,
      deliveries,
      bodies: bodies(deliveries),
    }));
  };

  it('hands the messages over in its own script, and wakes nobody', async () => {
    await begin();
    const vouched = [await stage.park('queue_1#a', 10)];
    const sentAt = Date.now();
    let handed: Awaited<ReturnType<typeof sendVouching>> = [];
    const published = await counted('publish', async () => {
      handed = await sendVouching(vouched, [{ body: 1 }, { body: 2 }]);
    });
    expect(published).toBe(0);
    expect(handed.map((each) => [each.receiver, each.bodies])).toEqual([[0, [1, 2]]]);
    expect(handed[0]?.deliveries.visibleUntil).toBeGreaterThanOrEqual(sentAt + 20_000);
    expect(await inLine()).toEqual([]);
    expect(await stage.stats()).toMatchObject({ ready: 0, inFlight: 3, sent: 3 });
    const taken = handed[0]?.deliveries.messages.map(({ token, size }) => ({ token, size })) ?? [];
    const ended = taken.map((each) => ({ ...each, delivery: 1, gen: handed[0]?.deliveries.gen ?? '' }));
    expect(await stage.store.acknowledge(stage.queue, ended)).toBe('11');
  });

  it('gives each as many as it asked for, the highest priority first, and leaves the rest ready', async () => {
    await begin();
    const vouched = [await stage.park('queue_1#a', 2), await stage.park('queue_1#b', 1, 15_000)];
    const handed = await sendVouching(vouched, [
      { body: 'low' },
      { body: 'mid', priority: 5 },
      { body: 'high', priority: 9 },
      { body: 'lower' },
    ]);
    expect(handed.map((each) => [each.receiver, each.bodies])).toEqual([
      [0, ['high', 'mid']],
      [1, ['low']],
    ]);
    expect(bodies(await stage.receive(10))).toEqual(['lower']);
  });

  it.each([
    ['first', ['queue_2#x', 'queue_1#a']],
    ['second', ['queue_1#a', 'queue_2#x']],
  ])('keeps the order of the line when a receiver of another node is %s', async (_, line) => {
    await begin();
    const parked = [];
    for (const waiter of line) parked.push(await stage.park(waiter));
    const ours = parked.filter(({ id }) => id.startsWith('queue_1#'));
    const one = await sendVouching(ours, [{ body: 1 }]);
    expect(one.map((each) => each.bodies)).toEqual(line[0] === 'queue_1#a' ? [[1]] : []);
    expect(await inLine()).toEqual([line[1]]);
  });

  it('wakes those behind them for what is left', async () => {
    await begin();
    const vouched = [await stage.park('queue_1#a')];
    await stage.park('queue_2#x');
    expect(await counted('publish', () => sendVouching(vouched, [{ body: 1 }, { body: 2 }]))).toBeGreaterThan(
      0,
    );
    expect(await inLine()).toEqual([]);
    expect(bodies(await stage.receive(10))).toEqual([1, 2]);
  });

  it('does not overtake what is ready, due or held back', async () => {
    await begin({ rateLimit: { max: 1, perMs: 60_000 } });
    const limited = [await stage.park('queue_1#a')];
    expect(await sendVouching(limited, [{ body: 1 }])).toEqual([]);
    stage.nextQueue();
    await begin();
    const paused = [await stage.park('queue_1#a')];
    await stage.store.pause(stage.queue, true);
    expect(await sendVouching(paused, [{ body: 1 }])).toEqual([]);
    expect(await inLine()).toEqual(['queue_1#a']);
    stage.nextQueue();
    await begin();
    const behind = [await stage.park('queue_1#a', 5)];
    await stage.redis.zrem(key('w'), 'queue_1#a');
    await stage.send({ body: 'older' });
    await stage.redis.zadd(key('w'), '1', 'queue_1#a');
    expect(await sendVouching(behind, [{ body: 'younger' }])).toEqual([]);
    expect(bodies(await stage.receive(5))).toEqual(['older', 'younger']);
  });

  it('leaves groups, and whatever else has rules of its own, to a receive', async () => {
    await begin();
    const vouched = [await stage.park('queue_1#a', 5)];
    expect(
      await sendVouching(vouched, [
        { body: 1, groupId: 'A' },
        { body: 2, dedup: 'D' },
      ]),
    ).toEqual([]);
    expect(bodies(await stage.receive(5))).toEqual([1, 2]);
  });
});

describe('a node whose receiver is handed messages', () => {
  let service: MessagesService;
  let line: Line;
  let timers: DueTimers;
  const never = new AbortController().signal;
  const messages = [1, 2].map((body) => ({ body, headers: {}, priority: 0, delayMs: 0 }));

  beforeEach(() => {
    const alone = { nodeId: 'queue_1', owns: () => true } as unknown as Membership;
    line = new Line(stage.store, alone, { draining: false } as Drain);
    timers = new DueTimers(stage.store, alone, stage.outbox);
    service = new MessagesService(stage.store, new Receipts(stage.store), line, timers, stage.outbox);
  });
  afterEach(() => {
    line.onModuleDestroy();
    timers.onModuleDestroy();
  });

  const parked = () => eventually(async () => expect(await inLine()).toHaveLength(1));

  it('tells its caller at once', async () => {
    await begin();
    const receiving = service.receive(stage.queue, { max: 10, waitMs: 20_000 }, never);
    await parked();
    const scripts = await counted('evalsha', async () => {
      const { messages: sent } = await service.send(stage.queue, { messages });
      const ids = sent.map((one) => 'id' in one && one.id);
      const received = await receiving;
      expect(received.messages.map(({ body, id, receiveCount }) => ({ body, id, receiveCount }))).toEqual([
        { body: 1, id: ids[0], receiveCount: 1 },
        { body: 2, id: ids[1], receiveCount: 1 },
      ]);
    });
    expect(scripts).toBe(1);
    expect(await stage.stats()).toMatchObject({ ready: 0, inFlight: 3 });
  });

  it('hands over also while it is only just being parked', async () => {
    await begin();
    const receiving = service.receive(stage.queue, { max: 10, waitMs: 20_000 }, never);
    const scripts = await counted('evalsha', async () => {
      await service.send(stage.queue, { messages });
      expect((await receiving).messages).toHaveLength(2);
    });
    expect(scripts).toBeLessThanOrEqual(2);
    expect(await inLine()).toEqual([]);
  });

  it('gives back, in order and uncounted, what its caller hung up on in that moment', async () => {
    await begin();
    const disconnect = new AbortController();
    const receiving = service.receive(stage.queue, { max: 10, waitMs: 20_000 }, disconnect.signal);
    await parked();
    const sending = service.send(stage.queue, { messages });
    disconnect.abort(new Error('gone'));
    await expect(receiving).rejects.toThrow('gone');
    await sending;
    await eventually(async () => expect(await stage.stats()).toMatchObject({ ready: 2, inFlight: 1 }));
    const again = await stage.receive(10);
    expect(bodies(again)).toEqual([1, 2]);
    expect(again.messages.map(({ tries }) => tries)).toEqual([0, 0]);
  });

  it('gives back what a receiver was handed that has asked once more meanwhile', async () => {
    await begin();
    const receiving = service.receive(stage.queue, { max: 1, waitMs: 20_000 }, never);
    await parked();
    const [waiter = ''] = await inLine();
    const sending = service.send(stage.queue, { messages });
    line.wake(stage.queue, [waiter.slice('queue_1#'.length)]);
    await sending;
    const got = (await receiving).messages.map(({ body }) => body);
    await eventually(async () => expect(await stage.stats()).toMatchObject({ ready: 1, inFlight: 2 }));
    expect([...got, ...bodies(await stage.receive(10))].sort()).toEqual([1, 2]);
  });
});
