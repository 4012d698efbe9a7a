import { randomUUID } from 'node:crypto';
import type { Lease } from '@syncline/contracts';
import type { RedisClient } from '@syncline/redis';
import { eventually } from '@syncline/testing';
import { ask, type LockNode, LockStage, waitIdOf } from '../../../../test/stages/lock-stage.js';
import type { LeaseRequest } from '../lease/lease.js';
import type { AcquireReply } from './scripts/operations.js';

describe('leases in Redis', () => {
  let stage: LockStage;
  let redis: RedisClient;
  let one: LockNode;
  let two: LockNode;
  const leasesOf = (reply: AcquireReply) => {
    if (reply.outcome !== 'granted') throw new Error(`expected a grant, got ${reply.outcome}`);
    return reply.leases;
  };
  const acquire = async (node: LockNode, request: LeaseRequest, claim: string = randomUUID()) =>
    leasesOf(await node.acquire(request, claim))[0] as Lease;
  const renew = async (...[name, leaseId, ttlMs]: Parameters<LockNode['renew']>) => {
    const reply = await one.renew(name, leaseId, ttlMs);
    return reply.outcome === 'renewed' ? reply.leases[0] : undefined;
  };
  const shown = ({ leaseId: _, ...holder }: Lease) => holder;
  const keysIn = async () =>
    (await redis.keys('syncline:lock:*')).map((each) => each.replace('syncline:lock:{0}:', ''));

  beforeAll(async () => {
    stage = await LockStage.start();
    redis = stage.redis;
  });
  beforeEach(async () => {
    [one, two] = await stage.reset('one', 'two');
  });
  afterAll(() => stage.stop());

  it('grants a free name once, and tells the second caller who holds it', async () => {
    const first = await acquire(one, ask('a', { owner: 'first owner/ü', metadata: { job: 'x y' } }));
    expect(first).toMatchObject({
      name: 'a',
      owner: 'first owner/ü',
      metadata: { job: 'x y' },
      permits: 1,
      waitedMs: 0,
    });
    const reply = await two.acquire(ask('a'));
    const { metadata: _, ...refusedBy } = shown(first);
    expect(reply).toEqual({ outcome: 'held', waiters: 0, holders: [refusedBy] });
  });

  it('raises the token at every grant, above the clock and above the last one', async () => {
    let last = 0n;
    for (let i = 0; i < 20; i += 1) {
      const request = ask('a');
      const lease = await acquire(one, request);
      expect(BigInt(lease?.fencingToken ?? 0)).toBeGreaterThan(last);
      last = BigInt(lease?.fencingToken ?? 0);
      await one.release('a', request.leaseId);
    }
    // A clock that went back must not bring back an old token.
    await redis.set('syncline:lock:{0}:l:l/a', '- 9000000000000000 0 - - 0');
    expect((await acquire(one, ask('a')))?.fencingToken).toBe('9000000000000001');
  });

  it('answers a repeated acquire with the same grant, through any node', async () => {
    const request = ask('a');
    const first = await acquire(one, request);
    expect(await acquire(two, request)).toEqual(first);
    expect((await one.inspect('a')).holders).toEqual([shown(first)]);
  });

  it('spends a lease id with its lease', async () => {
    const request = ask('a');
    await acquire(one, request);
    expect((await one.release('a', request.leaseId)).outcome).toBe('released');
    expect((await two.release('a', request.leaseId)).outcome).toBe('released-before');
    expect((await two.acquire(request)).outcome).toBe('lost');
    expect((await one.renew('a', request.leaseId)).outcome).toBe('lost');
    expect((await one.release('a', randomUUID())).outcome).toBe('lost');
  });

  it('lets a stale holder neither release nor renew what its successor holds', async () => {
    const stale = ask('a', { ttlMs: 100 });
    const expiring = await acquire(one, stale);
    await stage.pass(expiring);
    const successor = await acquire(two, ask('a'));
    expect((await one.release('a', stale.leaseId)).outcome).toBe('lost');
    expect((await one.renew('a', stale.leaseId)).outcome).toBe('lost');
    expect((await one.acquire(stale)).outcome).toBe('lost');
    expect((await one.inspect('a')).holders).toEqual([shown(successor)]);
  });

  it('renews from now on, with the old length unless a new one is given', async () => {
    const request = ask('a', { ttlMs: 1_000 });
    const lease = await acquire(one, request);
    const longer = await renew('a', request.leaseId, 60_000);
    expect(longer).toMatchObject({ fencingToken: lease?.fencingToken, ttlMs: 60_000 });
    const again = await renew('a', request.leaseId);
    expect(again?.ttlMs).toBe(60_000);
    expect(Date.parse(again?.expiresAt ?? '') - Date.parse(lease?.expiresAt ?? '')).toBeGreaterThanOrEqual(
      59_000,
    );
  });

  it('serves the queue in order, in the step that frees', async () => {
    const holder = ask('a');
    await acquire(one, holder);
    const waiting = ['x', 'y', 'z'].map((owner) => ask('a', { owner, waitMs: 9_000 }));
    for (const request of waiting) expect((await two.acquire(request)).outcome).toBe('waiting');
    let before = holder;
    for (const request of waiting) {
      await one.release('a', before.leaseId);
      const { holders } = await one.inspect('a');
      expect(holders.map(({ owner }) => owner)).toEqual([request.owner]);
      expect(await two.takeUp(request)).toBe('granted');
      before = request;
    }
  });

  it('lets nobody overtake one who waits', async () => {
    const holder = ask('a', { mode: 'shared' });
    await acquire(one, holder);
    expect((await one.acquire(ask('a', { waitMs: 9_000 }))).outcome).toBe('waiting');
    expect((await one.acquire(ask('a', { mode: 'shared' }))).outcome).toBe('held');
    expect((await one.acquire(ask('a', { mode: 'shared', waitMs: 9_000 }))).outcome).toBe('waiting');
  });

  describe('a release that names the local waiters of its node', () => {
    const waiting = async (node: LockNode, claim: string, more: Partial<LeaseRequest> = {}) => {
      const request = ask('a', { waitMs: 9_000, ...more });
      await node.acquire(request, claim);
      return request;
    };

    it('makes what they are served with theirs at once', async () => {
      const holder = ask('a');
      await acquire(one, holder);
      const next = await waiting(one, 'c1', { ttlMs: 60_000, metadata: { job: 'x y' } });
      const { served } = await one.release('a', holder.leaseId, { c1: next });
      const { holders } = await two.inspect('a');
      expect(served).toMatchObject([
        { id: waitIdOf(next), leases: [{ ...holders[0], leaseId: next.leaseId }] },
      ]);
      expect(holders).toMatchObject([{ metadata: { job: 'x y' } }]);
      const [lease] = holders;
      expect(Date.parse(lease?.expiresAt ?? '') - Date.parse(lease?.acquiredAt ?? '')).toBe(60_000);
      // It can still be given back, by that claim alone.
      await one.withdraw(next, false, '-');
      expect((await one.inspect('a')).holders).toHaveLength(1);
      await one.withdraw(next, false, 'c1');
      expect((await one.inspect('a')).holders).toHaveLength(0);
    });

    it('lets them overtake nobody who waits on another node', async () => {
      const holder = ask('a');
      await acquire(one, holder);
      const first = await waiting(two, 'c1');
      const second = await waiting(one, 'c2');
      const { served } = await one.release('a', holder.leaseId, { c2: second });
      expect(served).toEqual([]);
      expect(await two.takeUp(first, 'c1')).toBe('granted');
    });

    it('leaves to the other node one that is held there, too', async () => {
      const holder = ask('a');
      await acquire(one, holder);
      const both = await waiting(one, 'c1');
      await two.acquire(both, 'c2');
      const { served } = await one.release('a', holder.leaseId, { c1: both });
      expect(served).toEqual([]);
      expect(await two.takeUp(both, 'c2')).toBe('granted');
    });
  });

  it('gives what nobody took up to the next one', async () => {
    const holder = ask('a');
    await acquire(one, holder);
    const silent = ask('a', { waitMs: 9_000 });
    const next = ask('a', { waitMs: 9_000 });
    await two.acquire(silent);
    await one.acquire(next);
    await one.release('a', holder.leaseId);
    await eventually(async () => {
      await one.beat();
      expect(await one.takeUp(next)).toBe('granted');
    });
    expect(await two.takeUp(silent)).toBe('too-late');
  });

  it('passes over the requests of a node that died', async () => {
    const holder = ask('a');
    await acquire(one, holder);
    for (let i = 0; i < 5; i += 1) await two.acquire(ask('a', { waitMs: 60_000 }));
    const next = ask('a', { waitMs: 60_000 });
    await one.acquire(next);
    await eventually(async () => {
      await one.beat();
      expect((await one.inspect('a')).waiters).toHaveLength(1);
    });
    await one.release('a', holder.leaseId);
    expect(await one.takeUp(next)).toBe('granted');
  });

  it('takes a request out of the queue when its time is over, or gives it what it was served meanwhile', async () => {
    const holder = ask('a');
    await acquire(one, holder);
    const [early, late] = [ask('a', { waitMs: 9_000 }), ask('a', { waitMs: 9_000 })];
    await one.acquire(early);
    await one.acquire(late);
    expect(await one.leave(early)).toBe('left');
    expect((await one.inspect('a')).waiters).toHaveLength(1);
    await one.release('a', holder.leaseId);
    expect(await one.leave(late)).toBe('granted');
  });

  it('keeps the place of a request that is sent again through another node', async () => {
    const holder = ask('a');
    await acquire(one, holder);
    const [first, second] = [
      ask('a', { waitMs: 9_000, owner: 'first' }),
      ask('a', { waitMs: 9_000, owner: 'second' }),
    ];
    await one.acquire(first, 'c1');
    await one.acquire(second, 'c2');
    await two.acquire(first, 'c3');
    expect((await one.inspect('a')).waiters.map((waiter) => waiter.owner)).toEqual(['first', 'second']);
    // The first node gives its request up; the other one still holds it.
    await one.withdraw(first, false, 'c1');
    await one.release('a', holder.leaseId);
    expect(await two.takeUp(first, 'c3')).toBe('granted');
  });

  it('takes back a lease that its caller was not told of, and only that', async () => {
    const untold = ask('a');
    await acquire(one, untold, 'c1');
    await one.withdraw(untold, false, 'c1');
    expect((await one.inspect('a')).holders).toEqual([]);
    // Not spent: the caller may ask again. This time it is told twice, so neither telling may take it back.
    await acquire(one, untold, 'c2');
    await acquire(two, untold, 'c3');
    await one.withdraw(untold, false, 'c2');
    await two.withdraw(untold, false, 'c3');
    expect((await one.inspect('a')).holders).toHaveLength(1);
  });

  it('never shows a lease whose time is over', async () => {
    const expiring = await acquire(one, ask('a', { ttlMs: 100 }));
    await acquire(one, ask('b'));
    await stage.pass(expiring);
    expect((await one.inspect('a')).holders).toEqual([]);
    expect(
      (
        await one.resources.list('lock', { prefix: '', cursor: undefined, limit: 10, awaited: false })
      ).states.map((each) => each.key),
    ).toEqual(['l/b']);
  });

  it('keeps nothing of an idle name but what is forgotten within 5 minutes', async () => {
    const holder = ask('a');
    await acquire(one, holder);
    const next = ask('a', { waitMs: 9_000 });
    await one.acquire(next);
    await one.release('a', holder.leaseId);
    await one.takeUp(next);
    await one.release('a', next.leaseId);
    const left = (await keysIn()).filter((each) => !['nodes', 'clock', 'instance', 'pulse'].includes(each));
    for (const each of left) {
      const ttl = await redis.pttl(`syncline:lock:{0}:${each}`);
      expect(ttl).toBeGreaterThan(0);
      expect(ttl).toBeLessThanOrEqual(300_000);
    }
    // How the last lease ended stands beside the token.
    expect(left.sort()).toEqual(['l:l/a', `s:l/a ${holder.leaseId}`].sort());
    expect(await redis.get('syncline:lock:{0}:l:l/a')).toContain(next.leaseId);
  });

  it('keeps nothing of a name that was awaited and never held', async () => {
    await acquire(one, ask('b'));
    const before = await keysIn();
    const set = ask(['a', 'b'], { waitMs: 9_000 });
    expect((await one.acquire(set)).outcome).toBe('waiting');
    expect(await one.leave(set)).toBe('left');
    // That its process lives is known for a while.
    expect((await keysIn()).filter((key) => key !== 'nodes').sort()).toEqual(before.sort());
    expect(await one.inspect('a')).toMatchObject({ holders: [], waiters: [], currentToken: null });
  });

  it('lists by prefix, page by page', async () => {
    for (let i = 0; i < 7; i += 1) await acquire(one, ask(`job/${i}`));
    await acquire(one, ask('jobs'));
    const first = await one.resources.list('lock', {
      prefix: 'job/',
      cursor: undefined,
      limit: 3,
      awaited: false,
    });
    expect(first.states.map((each) => each.key)).toEqual(['l/job/0', 'l/job/1', 'l/job/2']);
    const second = await one.resources.list('lock', {
      prefix: 'job/',
      cursor: first.last?.slice(2),
      limit: 3,
      awaited: false,
    });
    const third = await one.resources.list('lock', {
      prefix: 'job/',
      cursor: second.last?.slice(2),
      limit: 3,
      awaited: false,
    });
    expect(third).toMatchObject({ last: null, states: [{ key: 'l/job/6' }] });
  });

  describe('several names at once', () => {
    it('are granted all or none', async () => {
      await acquire(one, ask('b'));
      const set = ask(['a', 'b', 'c']);
      expect((await one.acquire(set)).outcome).toBe('held');
      expect((await one.inspect('a')).holders).toEqual([]);
      expect(leasesOf(await one.acquire(ask(['c', 'a']))).map((lease) => lease.name)).toEqual(['a', 'c']);
    });

    it('are served when the last of them is free, without being overtaken on the others', async () => {
      const holder = ask('b');
      await acquire(one, holder);
      const set = ask(['a', 'b'], { waitMs: 9_000 });
      const single = ask('a', { waitMs: 9_000 });
      await one.acquire(set);
      expect((await two.acquire(single)).outcome).toBe('waiting');
      await one.release('b', holder.leaseId);
      expect(await one.takeUp(set)).toBe('granted');
      expect(await two.takeUp(single)).toBe('waiting');
      await one.release(['a', 'b'], set.leaseId);
      expect(await two.takeUp(single)).toBe('granted');
    });

    it('let the ones behind go when they are given up', async () => {
      await acquire(one, ask('b'));
      const set = ask(['a', 'b'], { waitMs: 9_000 });
      const single = ask('a', { waitMs: 9_000 });
      await one.acquire(set);
      await two.acquire(single);
      await one.withdraw(set, false);
      expect(await two.takeUp(single)).toBe('granted');
    });
  });

  it('lets shared neighbours in the queue enter together', async () => {
    const holder = ask('a');
    await acquire(one, holder);
    const readers = ['x', 'y', 'z'].map((owner) => ask('a', { owner, mode: 'shared', waitMs: 9_000 }));
    for (const reader of readers) await one.acquire(reader);
    await one.acquire(ask('a', { waitMs: 9_000 }));
    await one.acquire(ask('a', { mode: 'shared', waitMs: 9_000 }));
    await one.release('a', holder.leaseId);
    const { holders, waiters } = await one.inspect('a');
    expect(holders.map(({ owner }) => owner).sort()).toEqual(['x', 'y', 'z']);
    expect(waiters.map((waiter) => waiter.mode)).toEqual(['exclusive', 'shared']);
  });
});
