import { QueueScripts } from '../../../../test/stages/queue-scripts.js';

let stage: QueueScripts;

beforeAll(async () => {
  stage = await QueueScripts.start();
});
afterAll(() => stage.stop());
beforeEach(async () => {
  stage.nextQueue();
  await stage.configure();
});

const key = (part: string) => `syncline:{queue:${stage.queue}}:${part}`;
const inLine = () => stage.redis.zrange(key('w'), '0', '-1');

describe('the line of parked receivers', () => {
  it('passes over those of a node that does not listen', async () => {
    await stage.park('queue_9#a');
    await stage.park('queue_3#b');
    await stage.park('queue_3#c');
    await stage.send({});
    expect(await inLine()).toEqual(['queue_3#c']);
  });

  it('passes over those of nodes that have left, and wakes others for what they were woken for', async () => {
    for (const waiter of ['queue_2#a', 'queue_2#b', 'queue_3#c', 'queue_3#d']) await stage.park(waiter);
    await stage.send({});
    expect(await inLine()).toEqual(['queue_2#b', 'queue_3#c', 'queue_3#d']);
    await stage.store.doDueWork(stage.queue);
    expect(await inLine()).toHaveLength(3);
    await stage.store.doDueWork(stage.queue, ['queue_1', 'queue_3']);
    expect(await inLine()).toEqual(['queue_3#d']);
  });

  it('numbers what it tells each node', async () => {
    const { redis } = stage;
    const number = async () => Number(await redis.get('syncline:{queues}:wakeUps:queue_2'));
    const before = await number();
    for (const waiter of ['queue_2#a', 'queue_3#b', 'queue_2#c']) await stage.park(waiter);
    await stage.send({});
    await stage.send({});
    expect(await number()).toBe(before + 1);
    await stage.send({});
    expect(await number()).toBe(before + 2);
  });

  it('has who was taken out in vain where it stood', async () => {
    for (const waiter of ['queue_2#a', 'queue_3#b']) await stage.park(waiter);
    const arrival = (await stage.redis.zscore(key('w'), 'queue_2#a')) ?? '';
    await stage.send({});
    expect(await inLine()).toEqual(['queue_3#b']);
    const waiters = [{ id: 'queue_2#a', arrival }];
    expect(await stage.store.checkLines([{ queue: stage.queue, waiters }])).toEqual([1]);
    expect(await inLine()).toEqual(['queue_2#a', 'queue_3#b']);
  });

  it('is checked for many queues by one script, each answered by itself', async () => {
    const queues: string[] = [];
    for (let i = 0; i < 20; i++) {
      stage.nextQueue();
      queues.push(stage.queue);
      await stage.configure();
    }
    const [first = '', second = '', third = ''] = queues;
    stage.queue = first;
    await stage.send({}, {});
    stage.queue = second;
    await stage.send({});
    await stage.store.pause(second, true);
    await stage.store.remove(third);
    const lines = queues.map((queue, i) => ({
      queue,
      waiters: [{ id: `queue_1#${i}`, arrival: `${i + 1}` }],
    }));
    await stage.redis.config('RESETSTAT');
    expect(await stage.store.checkLines(lines)).toEqual([2, 0, null, ...Array(17).fill(0)]);
    expect(await stage.redis.info('commandstats')).toMatch(/cmdstat_fcall:calls=1,/);
    for (const queue of queues) {
      stage.queue = queue;
      expect(await inLine()).toHaveLength(queue === third ? 0 : 1);
    }
  });
});
