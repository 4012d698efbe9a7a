import type { RedisClient } from '@syncline/redis';
import { eventually } from '@syncline/testing';
import { ask as askFor, type LockNode, LockStage } from '../../../../test/stages/lock-stage.js';
import type { LeaseRequest } from '../lease/lease.js';

describe('a client that is away', () => {
  let stage: LockStage;
  let redis: RedisClient;
  let one: LockNode;
  let two: LockNode;
  const ask = (owner: string, more: Partial<LeaseRequest> = {}) =>
    askFor('a', { owner, waitMs: 60_000, ...more });
  const outcomeOf = async (node: LockNode, request: LeaseRequest) => (await node.acquire(request)).outcome;
  const cutOff = (node: LockNode, request: LeaseRequest) => node.withdraw(request, true);
  const waiters = async () => (await one.inspect('a')).waiters.map(({ owner }) => owner);

  beforeAll(async () => {
    stage = await LockStage.start();
    redis = stage.redis;
  });
  beforeEach(async () => {
    [one, two] = await stage.reset('one', 'two');
  });
  afterAll(() => stage.stop());

  it('finds its place again, through any node, and is not shown meanwhile', async () => {
    const holder = ask('holder');
    const [first, second] = [ask('first'), ask('second')];
    await one.acquire(holder);
    for (const request of [first, second]) expect(await outcomeOf(one, request)).toBe('waiting');
    await cutOff(one, first);
    expect(await waiters()).toEqual(['second']);
    expect(await outcomeOf(two, first)).toBe('waiting');
    expect(await waiters()).toEqual(['first', 'second']);
    await one.release('a', holder.leaseId);
    expect(await two.takeUp(first)).toBe('granted');
  });

  it('finds what it was served with while it was away; the time of the lease begins then', async () => {
    const holder = ask('holder');
    const [first, second] = [ask('first', { ttlMs: 100 }), ask('second')];
    await one.acquire(holder);
    for (const request of [first, second]) await one.acquire(request);
    await cutOff(one, first);
    await one.release('a', holder.leaseId);
    const { holders, waiters: line } = await one.inspect('a');
    expect([holders, line.length]).toEqual([[], 1]);
    // Nobody overtakes, be it a newcomer or who stands behind it.
    expect(await outcomeOf(two, ask('newcomer', { waitMs: 0 }))).toBe('held');
    expect(await one.takeUp(second)).toBe('waiting');
    const reply = await two.acquire(first, 'c2');
    if (reply.outcome !== 'granted') throw new Error(reply.outcome);
    const [lease] = reply.leases;
    expect(Date.parse(lease?.expiresAt ?? '') - Date.parse(lease?.acquiredAt ?? '')).toBe(100);
  });

  it('holds up the others once, however many are away', async () => {
    const holder = ask('holder');
    const gone = ['x', 'y', 'z'].map((owner) => ask(owner));
    const next = ask('next');
    await one.acquire(holder);
    for (const request of gone) await one.acquire(request);
    await one.acquire(next);
    await cutOff(one, gone[0] as LeaseRequest);
    await one.release('a', holder.leaseId);
    const releasedAt = performance.now();
    // The others go one after the other while the first one is waited for.
    await eventually(async () => {
      await one.beat();
      const place = gone.findIndex((_, i) => i > 0 && performance.now() - releasedAt > i * 900);
      if (place > 0) await cutOff(one, gone[place] as LeaseRequest);
      expect(await one.takeUp(next)).toBe('granted');
    }, 10_000);
    await Promise.all(gone.map((request) => cutOff(one, request)));
    expect(await redis.zcard('syncline:lock:{0}:q:l/a')).toBe(0);
  });

  it('is forgotten with all that it left when it does not come back, also far from the head', async () => {
    await one.acquire(ask('holder'));
    const gone = ask('gone');
    await one.acquire(ask('first', { waitMs: 600_000 }));
    await one.acquire(gone);
    await cutOff(one, gone);
    await eventually(async () => {
      await one.beat();
      expect(await redis.hlen('syncline:lock:{0}:w')).toBe(1);
    }, 10_000);
    expect(await redis.zcard('syncline:lock:{0}:q:l/a')).toBe(1);
    expect(await redis.keys('*@*')).toEqual([]);
    expect(await outcomeOf(two, gone)).toBe('waiting');
    expect(await waiters()).toEqual(['first', 'gone']);
  });

  it('leaves at once when its node made up the lease id: nobody can come back with it', async () => {
    const holder = ask('holder');
    const [first, second] = [ask('first'), ask('second')];
    await one.acquire(holder);
    for (const request of [first, second]) await one.acquire(request);
    await one.withdraw(first, false);
    await one.release('a', holder.leaseId);
    expect(await one.takeUp(second)).toBe('granted');
  });

  it('gives its place and its lease up by a release, and cannot come back then', async () => {
    const holder = ask('holder');
    const [first, second, third] = [ask('first'), ask('second'), ask('third')];
    await one.acquire(holder);
    for (const request of [first, second, third]) await one.acquire(request);
    await cutOff(one, first);
    expect((await two.release('a', first.leaseId)).outcome).toBe('released');
    expect((await two.release('a', first.leaseId)).outcome).toBe('released-before');
    expect(await outcomeOf(two, first)).toBe('lost');
    await cutOff(one, second);
    await one.release('a', holder.leaseId);
    expect((await two.release('a', second.leaseId)).outcome).toBe('released');
    expect(await one.takeUp(third)).toBe('granted');
    expect(await outcomeOf(two, second)).toBe('lost');
  });

  it('is not thought dead with all nodes when it was Redis that was away', async () => {
    const holder = ask('holder');
    const line = ['x', 'y', 'z'].map((owner) => ask(owner));
    await one.acquire(holder);
    for (const request of line) await two.acquire(request);
    await two.beat();
    // As if it stood still for 4 s: what was written lies so much further back.
    const [beaten, away] = ((await redis.get('syncline:lock:{0}:pulse')) ?? '').split(' ').map(Number);
    await redis.set('syncline:lock:{0}:pulse', `${(beaten ?? 0) - 4_000} ${away}`);
    for (const run of await redis.zrange('syncline:lock:{0}:nodes', '0', '-1')) {
      await redis.zincrby('syncline:lock:{0}:nodes', -4_000, run);
    }
    const last = line[2] as LeaseRequest;
    expect(await outcomeOf(one, last)).toBe('waiting');
    expect(await waiters()).toEqual(['x', 'y', 'z']);
    await one.beat();
    await one.release('a', holder.leaseId);
    expect(await two.takeUp(line[0] as LeaseRequest)).toBe('granted');
    // From then on a node that stays silent is dead, as ever.
    await eventually(async () => {
      await one.beat();
      expect(await waiters()).toEqual(['z']);
    }, 10_000);
  });
});
