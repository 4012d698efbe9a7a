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
/** As if so much time had passed since a node was heard; '' for any node. */
const age = async (ms: number, ...nodes: string[]) => {
  for (const node of nodes) {
    if (node !== '') await stage.redis.hincrby(key('nodes'), node, -ms);
    else {
      const [heard, away] = ((await stage.redis.hget(key('nodes'), '')) ?? '').split(' ');
      await stage.redis.hset(key('nodes'), '', `${Number(heard) - ms} ${away}`);
    }
  }
};

describe('the line of parked receivers', () => {
  it('passes over a node that alone was silent for longer than its word holds', async () => {
    await stage.park('queue_2#a');
    await stage.park('queue_3#b');
    await stage.park('queue_3#c');
    await age(3_100, 'queue_2');
    await stage.send({});
    expect(await inLine()).toEqual(['queue_3#c']);
  });

  it('passes over nobody when no node was heard: it was Redis that was away', async () => {
    await stage.park('queue_2#a');
    await stage.park('queue_3#b');
    await age(4_000, '', 'queue_2', 'queue_3');
    await stage.send({});
    expect(await inLine()).toEqual(['queue_3#b']);
    // A word is good for as long as it was when the silence began; one that is not given again ends.
    await age(3_100, 'queue_3');
    await stage.send({});
    expect(await inLine()).toEqual([]);
  });

  it('keeps its order when nodes are heard again one after the other', async () => {
    const arrivals = [];
    for (const waiter of ['queue_2#a', 'queue_3#b', 'queue_2#c']) {
      await stage.park(waiter);
      arrivals.push((await stage.redis.zscore(key('w'), waiter)) ?? '');
    }
    await age(4_000, '', 'queue_2', 'queue_3');
    // The stage is a third node: its word comes first.
    await stage.store.renewWaiters([{ queue: stage.queue, waiters: [{ id: 'queue_1#d', arrival: '9e15' }] }]);
    await stage.send({});
    expect(await inLine()).toEqual(['queue_3#b', 'queue_2#c', 'queue_1#d']);
    // What was taken out and not heard of stands where it stood.
    const [arrival = ''] = arrivals;
    await stage.store.renewWaiters([{ queue: stage.queue, waiters: [{ id: 'queue_2#a', arrival }] }]);
    expect(await inLine()).toEqual(['queue_2#a', 'queue_3#b', 'queue_2#c', 'queue_1#d']);
  });

  it('leaves nothing behind when all who stood in it are passed over', async () => {
    await stage.park('queue_2#a');
    await stage.redis.hset(key('nodes'), 'queue_2', 1);
    await stage.send({});
    expect(await stage.redis.exists(key('w'), key('nodes'))).toBe(0);
    await stage.receive();
    await stage.park('queue_2#b');
    expect(await stage.redis.pttl(key('w'))).toBeGreaterThan(0);
  });

  it('is tended for many queues by one script, each answered by itself', async () => {
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
    expect(await stage.store.renewWaiters(lines)).toEqual([2, 0, null, ...Array(17).fill(0)]);
    expect(await stage.redis.info('commandstats')).toMatch(/cmdstat_fcall:calls=1,/);
    for (const queue of queues) {
      stage.queue = queue;
      expect(await inLine()).toHaveLength(queue === third ? 0 : 1);
    }
  });
});
