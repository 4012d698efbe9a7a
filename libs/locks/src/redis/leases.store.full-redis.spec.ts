import { StoreUnavailable } from '@syncline/redis';
import { ask, type LockNode, LockStage, lockKey, waitIdOf } from '../../../../test/stages/lock-stage.js';
import { resourceKey } from '../lease/resource.js';

describe('leases in a Redis that has reached its maxmemory', () => {
  let stage: LockStage;
  let node: LockNode;
  const contents = async () => {
    const { redis } = stage;
    const keys = (await redis.keys('*')).filter((each) => !/:(pulse|nodes)$/.test(each)).sort();
    return Promise.all(keys.map(async (each) => [each, await redis.dump(each)]));
  };

  beforeAll(async () => {
    stage = await LockStage.start();
  });
  beforeEach(async () => {
    [node] = await stage.reset('one');
  });
  afterEach(() => stage.limitMemory(0));
  afterAll(() => stage.stop());

  it('go on: renewed, shown, released, passed on, revoked, kept alive, ended', async () => {
    const [held, first, second, other] = [
      ask('a'),
      ask('a', { owner: 'x', waitMs: 60_000 }),
      ask('a', { owner: 'y', waitMs: 60_000 }),
      ask('b'),
    ];
    for (const request of [held, first, second, other]) await node.acquire(request);
    await node.sessions.create('s', 30_000, 'o', null);
    const inSession = ask('c', { sessionId: 's' });
    await node.acquire(inSession);
    await stage.limitMemory(1);

    const [renewed, refused, again, place] = await Promise.all([
      node.renew('a', held.leaseId, 60_000),
      node.acquire(ask('new')),
      node.acquire(held),
      node.acquire(first),
    ]);
    expect(renewed).toMatchObject({ outcome: 'renewed', leases: [{ ttlMs: 60_000 }] });
    expect(refused).toEqual({ outcome: 'full' });
    expect(again.outcome).toBe('granted');
    expect(place.outcome).toBe('waiting');
    expect((await node.inspect('a')).waiters).toHaveLength(2);
    expect(
      (await node.resources.list('lock', { prefix: '', cursor: undefined, limit: 10, awaited: false }))
        .states,
    ).toHaveLength(3);
    expect((await node.beat()).requests).toBe(2);
    expect(await node.deadlocks.search(waitIdOf(first))).toBeNull();
    expect((await node.release('a', held.leaseId)).outcome).toBe('released');
    expect(await node.takeUp(first)).toBe('granted');
    await node.withdraw(second, true);
    expect((await node.acquire(second)).outcome).toBe('waiting');
    expect((await node.acquire(ask('a'))).outcome).toBe('held');
    expect(await node.resources.revoke(lockKey('b'), 'because')).toEqual([other.leaseId]);
    expect(await node.sessions.keep('s')).toMatchObject({ leases: 1 });
    expect((await node.sessions.show('s'))?.leases).toHaveLength(1);
    expect(await node.sessions.end('s')).toBe(true);
  });

  it('are refused whole where they need memory: nothing is half done', async () => {
    await node.acquire(ask('a'));
    const before = await contents();
    await stage.limitMemory(1);
    expect(await node.acquire(ask('b'))).toEqual({ outcome: 'full' });
    expect(await node.acquire(ask('a', { waitMs: 60_000 }))).toEqual({ outcome: 'full' });
    await expect(node.resources.resize(resourceKey('semaphore', 's'), 3)).rejects.toBeInstanceOf(
      StoreUnavailable,
    );
    await expect(node.sessions.create('s', 30_000, 'o', null)).rejects.toBeInstanceOf(StoreUnavailable);
    expect(await contents()).toEqual(before);
  });
});
