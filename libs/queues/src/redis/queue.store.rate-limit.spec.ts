import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@syncline/testing';
import { QueueScripts } from '../../../../test/stages/queue-scripts.js';

describe('the rate limit of a queue', () => {
  let stage: QueueScripts;

  beforeAll(async () => {
    stage = await QueueScripts.start();
  });
  afterAll(() => stage.stop());
  beforeEach(() => stage.nextQueue());
  afterEach(async () => {
    expect(await stage.audit()).toEqual([]);
  });

  const VISIBILITY_MS = 600_000;
  const begin = async (max: number, perMs: number, count: number) => {
    await stage.configure({ rateLimit: { max, perMs } });
    for (let sent = 0; sent < count; sent += 1_000)
      await stage.send(...Array.from({ length: Math.min(1_000, count - sent) }, (_, body) => ({ body })));
  };
  /** Instants, by the clock of Redis, at which something was handed out. */
  const take = async (max: number): Promise<number[]> => {
    const { messages, visibleUntil } = await stage.receive(max, VISIBILITY_MS);
    return messages.map(() => visibleUntil - VISIBILITY_MS);
  };
  /** The most that was handed out in any window: it is enough to look at those that begin with a hand-out. */
  const mostWithin = (instants: readonly number[], perMs: number) =>
    Math.max(...instants.map((from) => instants.filter((at) => at >= from && at <= from + perMs).length));

  it('lets no more than max through in any window, however receives fall', async () => {
    const [MAX, PER_MS] = [10, 200];
    await begin(MAX, PER_MS, 80);
    const instants: number[] = [];
    const sizes = [7, 1, 100, 3, 2, 100];
    for (let i = 0; instants.length < 80; i++) {
      instants.push(...(await take(sizes[i % sizes.length] as number)));
      await sleep((i * 7) % 23);
    }
    expect(mostWithin(instants, PER_MS)).toBe(MAX);
  });

  it('lets max through again as soon as a burst has left the window, and no token before', async () => {
    await begin(10, 300, 30);
    const burst = await take(100);
    expect(burst).toHaveLength(10);
    const next: number[] = [];
    await eventually(async () => {
      next.push(...(await take(10)));
      expect(next.length).toBeGreaterThanOrEqual(10);
    });
    expect(next[0]).toBeGreaterThan((burst[0] as number) + 300);
    expect(next[9]).toBe(next[0]);
  });

  it('remembers little, however much it lets through', async () => {
    const [MAX, PER_MS] = [100_000, 500];
    await begin(MAX, PER_MS, 3_000);
    const rate = `syncline:{queue:${stage.queue}}:rate`;
    let longest = 0;
    for (let taken = 0; taken < 3_000; ) {
      taken += (await take(1)).length;
      longest = Math.max(longest, await stage.redis.llen(rate));
    }
    expect(longest).toBeGreaterThan(1);
    expect(longest).toBeLessThanOrEqual(256);
    expect(await stage.redis.pttl(rate)).toBeGreaterThan(0);
  });

  it('outlives a purge', async () => {
    await begin(5, 60_000, 5);
    expect(await take(10)).toHaveLength(5);
    await stage.store.purge(stage.queue);
    await stage.send({}, {});
    expect(await take(10)).toEqual([]);
  });

  it('wakes a parked receiver when there is room', async () => {
    await begin(1, 200, 2);
    const [first = 0] = await take(1);
    await stage.park('queue_1#a');
    const dueAt = Number(await stage.redis.hget(`syncline:{queue:${stage.queue}}:queue`, 'due'));
    expect(dueAt).toBe(first + 201);
  });
});
