import type { PutQueue } from '@syncline/contracts';
import { bodies, deliveries, QueueScripts } from '../../../../test/stages/queue-scripts.js';

let stage: QueueScripts;

beforeAll(async () => {
  stage = await QueueScripts.start();
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
  const sendTo = async (...args: Parameters<QueueScripts['sendTo']>) => {
    const reply = await stage.sendTo(...args);
    if (reply.outcome !== 'sent') throw new Error('expected it to be taken');
    return reply.handed.map(({ waiter, deliveries }) => ({
      waiter,
      deliveries,
      bodies: bodies(deliveries),
    }));
  };

  it('hands the messages over in its own script, and wakes nobody', async () => {
    await begin();
    const waiters = [await stage.park('queue_1#a', 10)];
    const sentAt = Date.now();
    let handed: Awaited<ReturnType<typeof sendTo>> = [];
    const published = await counted('publish', async () => {
      handed = await sendTo(waiters, [{ body: 1 }, { body: 2 }]);
    });
    expect(published).toBe(0);
    expect(handed.map((each) => [each.waiter, each.bodies])).toEqual([[0, [1, 2]]]);
    expect(handed[0]?.deliveries.visibleUntil).toBeGreaterThanOrEqual(sentAt + 20_000);
    expect(await inLine()).toEqual([]);
    expect(await stage.stats()).toMatchObject({ ready: 0, inFlight: 3, sent: 3 });
    const ended = handed.flatMap((each) => deliveries(each.deliveries));
    expect(await stage.acknowledge(ended)).toEqual(['acked', 'acked']);
  });

  it('gives each as many as it asked for, the highest priority first, and leaves the rest ready', async () => {
    await begin();
    const waiters = [await stage.park('queue_1#a', 2), await stage.park('queue_1#b', 1, 15_000)];
    const handed = await sendTo(waiters, [
      { body: 'low' },
      { body: 'mid', priority: 5 },
      { body: 'high', priority: 9 },
      { body: 'lower' },
    ]);
    expect(handed.map((each) => [each.waiter, each.bodies])).toEqual([
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
    const one = await sendTo(ours, [{ body: 1 }]);
    expect(one.map((each) => each.bodies)).toEqual(line[0] === 'queue_1#a' ? [[1]] : []);
    expect(await inLine()).toEqual([line[1]]);
  });

  it('wakes those behind them for what is left', async () => {
    await begin();
    const waiters = [await stage.park('queue_1#a')];
    await stage.park('queue_2#x');
    let handed: Awaited<ReturnType<typeof sendTo>> = [];
    const published = await counted('publish', async () => {
      handed = await sendTo(waiters, [{ body: 1 }, { body: 2 }]);
    });
    expect(handed.map((each) => each.bodies)).toEqual([[1]]);
    expect(published).toBe(1);
    expect(await inLine()).toEqual([]);
    expect(bodies(await stage.receive(10))).toEqual([2]);
  });

  it('does not overtake what is ready, due or held back', async () => {
    await begin({ rateLimit: { max: 1, perMs: 60_000 } });
    const limited = [await stage.park('queue_1#a')];
    expect(await sendTo(limited, [{ body: 1 }])).toEqual([]);
    stage.nextQueue();
    await begin();
    const paused = [await stage.park('queue_1#a')];
    await stage.store.pause(stage.queue, true);
    expect(await sendTo(paused, [{ body: 1 }])).toEqual([]);
    expect(await inLine()).toEqual(['queue_1#a']);
    stage.nextQueue();
    await begin();
    const behind = [await stage.park('queue_1#a', 5)];
    await stage.redis.zrem(key('w'), 'queue_1#a');
    await stage.send({ body: 'older' });
    await stage.redis.zadd(key('w'), '1', 'queue_1#a');
    expect(await sendTo(behind, [{ body: 'younger' }])).toEqual([]);
    expect(bodies(await stage.receive(5))).toEqual(['older', 'younger']);
  });

  it('leaves groups, and whatever else has rules of its own, to a receive', async () => {
    await begin();
    const waiters = [await stage.park('queue_1#a', 5)];
    expect(
      await sendTo(waiters, [
        { body: 1, groupId: 'A' },
        { body: 2, dedup: 'D' },
      ]),
    ).toEqual([]);
    expect(bodies(await stage.receive(5))).toEqual([1, 2]);
  });

  it('leaves what must be safe before it is told to a receive, and each answer tells how safe', async () => {
    await begin();
    await begin({ durability: 'replicated' });
    const waiters = [await stage.park('queue_1#a', 5)];
    const sent = await stage.sendTo(waiters, [{ body: 'plain' }]);
    expect(sent).toMatchObject({ handed: [], durability: 'replicated', messages: [{ deduplicated: false }] });
    const others = await stage.sendTo([], [{ dedup: 'D' }, { dedup: 'D' }]);
    expect(others).toMatchObject({ durability: 'replicated', messages: [{}, { deduplicated: true }] });
    const received = await stage.receive(5);
    expect([bodies(received), received.durability]).toEqual([['plain', 'x'], 'replicated']);
    const acked = await stage.store.acknowledge(stage.queue, deliveries(received));
    expect(acked).toEqual({
      verdicts: ['acked', 'acked'],
      gone: 2,
      durability: 'replicated',
      dueInMs: null,
      outboxLength: 0,
    });
    expect((await stage.receive()).durability).toBe('local');
  });
});
