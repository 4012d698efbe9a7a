import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Membership } from '@syncline/cluster';
import type { Lease } from '@syncline/contracts';
import { commandConnection, type RedisClient } from '@syncline/redis';
import { eventually, RedisServer } from '@syncline/testing';
import { inOrder, type LeaseRequest, permitsOf, waitId } from '../lease/lease.js';
import { resourceKey } from './lease.keys.js';
import { LeasesStore } from './leases.store.js';

describe('leases in Redis', () => {
  let server: RedisServer;
  let redis: RedisClient;
  let one: LeasesStore;
  let two: LeasesStore;
  const storeOf = (nodeId: string) => new LeasesStore(redis, { nodeId } as Membership);
  const key = (name: string) => resourceKey('lock', name);
  const ask = (
    name: string | string[],
    more: Partial<LeaseRequest> & { mode?: 'exclusive' | 'shared' } = {},
  ) => {
    const { mode = 'exclusive', ...rest } = more;
    const wishes = [name]
      .flat()
      .map((each) => ({ key: key(each), permits: permitsOf(mode), limit: 1_000_000 }));
    return {
      shard: 0,
      wishes,
      leaseId: randomUUID(),
      fresh: false,
      owner: 'o',
      ttlMs: 30_000,
      waitMs: 0,
      sessionId: null,
      metadata: null,
      ...rest,
    } satisfies LeaseRequest;
  };
  const idOf = (request: LeaseRequest) =>
    waitId(
      request.leaseId,
      inOrder(request.wishes).map((wish) => wish.key),
    );
  const leasesOf = (reply: Awaited<ReturnType<LeasesStore['acquire']>>) => {
    if (reply.outcome !== 'granted') throw new Error(`expected a grant, got ${reply.outcome}`);
    return reply.leases;
  };
  const acquire = async (store: LeasesStore, request: LeaseRequest, claim: string = randomUUID()) =>
    leasesOf(await store.acquire(request, claim))[0];
  const shown = (lease: Lease | undefined) => {
    const { leaseId: _, ...holder } = lease ?? ({} as Lease);
    return holder;
  };
  const keysIn = async () =>
    (await redis.keys('syncline:lock:*')).map((each) => each.replace('syncline:lock:{0}:', ''));

  beforeAll(async () => {
    server = await RedisServer.start();
    redis = commandConnection(server.url, 'test');
    await redis.connect();
  });
  beforeEach(async () => {
    await redis.flushall();
    one = storeOf('one');
    two = storeOf('two');
    await one.beat(0);
    await two.beat(0);
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  it('grants a free name once, and tells the second caller who holds it', async () => {
    const first = await acquire(one, ask('a', { owner: 'first owner/ü', metadata: { job: 'x y' } }));
    expect(first).toMatchObject({
      name: 'a',
      owner: 'first owner/ü',
      metadata: { job: 'x y' },
      permits: 1,
      waitedMs: 0,
    });
    const reply = await two.acquire(ask('a'), 'c');
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
      await one.release(0, [key('a')], request.leaseId);
    }
    // A clock that went back must not bring back an old token.
    await redis.set('syncline:lock:{0}:l:l/a', '- 9000000000000000 0 - - 0');
    expect((await acquire(one, ask('a')))?.fencingToken).toBe('9000000000000001');
  });

  it('answers a repeated acquire with the same grant, through any node', async () => {
    const request = ask('a');
    const first = await acquire(one, request);
    expect(await acquire(two, request)).toEqual(first);
    expect((await one.inspect('lock', 'a')).holders).toEqual([shown(first)]);
  });

  it('spends a lease id with its lease', async () => {
    const request = ask('a');
    await acquire(one, request);
    expect((await one.release(0, [key('a')], request.leaseId)).outcome).toBe('released');
    expect((await two.release(0, [key('a')], request.leaseId)).outcome).toBe('released-before');
    expect((await two.acquire(request, 'c')).outcome).toBe('spent');
    expect(await one.renew(0, [key('a')], request.leaseId, null)).toBeNull();
    expect((await one.release(0, [key('a')], randomUUID())).outcome).toBe('lost');
  });

  it('lets a stale holder neither release nor renew what its successor holds', async () => {
    const stale = ask('a', { ttlMs: 100 });
    await acquire(one, stale);
    await sleep(110);
    const successor = await acquire(two, ask('a'));
    expect((await one.release(0, [key('a')], stale.leaseId)).outcome).toBe('lost');
    expect(await one.renew(0, [key('a')], stale.leaseId, null)).toBeNull();
    expect((await one.acquire(stale, 'c')).outcome).toBe('spent');
    expect((await one.inspect('lock', 'a')).holders).toEqual([shown(successor)]);
  });

  it('renews from now on, with the old length unless a new one is given', async () => {
    const request = ask('a', { ttlMs: 1_000 });
    const lease = await acquire(one, request);
    const [longer] = (await one.renew(0, [key('a')], request.leaseId, 60_000)) ?? [];
    expect(longer).toMatchObject({ fencingToken: lease?.fencingToken, ttlMs: 60_000 });
    const [again] = (await one.renew(0, [key('a')], request.leaseId, null)) ?? [];
    expect(again?.ttlMs).toBe(60_000);
    expect(Date.parse(again?.expiresAt ?? '') - Date.parse(lease?.expiresAt ?? '')).toBeGreaterThanOrEqual(
      59_000,
    );
  });

  it('serves the queue in order, in the step that frees', async () => {
    const holder = ask('a');
    await acquire(one, holder);
    const waiting = ['x', 'y', 'z'].map((owner) => ask('a', { owner, waitMs: 9_000 }));
    for (const request of waiting) expect((await two.acquire(request, 'c')).outcome).toBe('waiting');
    let before = holder;
    for (const request of waiting) {
      await one.release(0, [key('a')], before.leaseId);
      const { holders } = await one.inspect('lock', 'a');
      expect(holders.map(({ owner }) => owner)).toEqual([request.owner]);
      expect((await two.takeUp(0, idOf(request), 'c', false)).outcome).toBe('granted');
      before = request;
    }
  });

  it('lets nobody overtake one who waits', async () => {
    const holder = ask('a', { mode: 'shared' });
    await acquire(one, holder);
    expect((await one.acquire(ask('a', { waitMs: 9_000 }), 'c')).outcome).toBe('waiting');
    expect((await one.acquire(ask('a', { mode: 'shared' }), 'c')).outcome).toBe('held');
    expect((await one.acquire(ask('a', { mode: 'shared', waitMs: 9_000 }), 'c')).outcome).toBe('waiting');
  });

  describe('a release that vouches for requests of its node', () => {
    const waiting = async (store: LeasesStore, claim: string, more: Partial<LeaseRequest> = {}) => {
      const request = ask('a', { waitMs: 9_000, ...more });
      await store.acquire(request, claim);
      return request;
    };

    it('makes what they are served with theirs at once', async () => {
      const holder = ask('a');
      await acquire(one, holder);
      const next = await waiting(one, 'c1', { ttlMs: 60_000, metadata: { job: 'x y' } });
      const { served } = await one.release(0, [key('a')], holder.leaseId, [{ id: idOf(next), claim: 'c1' }]);
      const { holders } = await two.inspect('lock', 'a');
      expect(served).toEqual([{ id: idOf(next), leases: [{ ...holders[0], leaseId: next.leaseId }] }]);
      expect(holders).toMatchObject([{ metadata: { job: 'x y' } }]);
      const [lease] = holders;
      expect(Date.parse(lease?.expiresAt ?? '') - Date.parse(lease?.acquiredAt ?? '')).toBe(60_000);
      // It can still be given back, by that claim alone.
      await one.withdraw(0, idOf(next), '-', false);
      expect((await one.inspect('lock', 'a')).holders).toHaveLength(1);
      await one.withdraw(0, idOf(next), 'c1', false);
      expect((await one.inspect('lock', 'a')).holders).toHaveLength(0);
    });

    it('lets them overtake nobody who waits on another node', async () => {
      const holder = ask('a');
      await acquire(one, holder);
      const first = await waiting(two, 'c1');
      const second = await waiting(one, 'c2');
      const { served } = await one.release(0, [key('a')], holder.leaseId, [
        { id: idOf(second), claim: 'c2' },
      ]);
      expect(served).toEqual([]);
      expect((await two.takeUp(0, idOf(first), 'c1', false)).outcome).toBe('granted');
    });

    it('leaves to the other node one that is held there, too', async () => {
      const holder = ask('a');
      await acquire(one, holder);
      const both = await waiting(one, 'c1');
      await two.acquire(both, 'c2');
      const { served } = await one.release(0, [key('a')], holder.leaseId, [{ id: idOf(both), claim: 'c1' }]);
      expect(served).toEqual([]);
      expect((await two.takeUp(0, idOf(both), 'c2', false)).outcome).toBe('granted');
    });
  });

  it('gives what nobody took up to the next one', async () => {
    const holder = ask('a');
    await acquire(one, holder);
    const silent = ask('a', { waitMs: 9_000 });
    const next = ask('a', { waitMs: 9_000 });
    await two.acquire(silent, 'c');
    await one.acquire(next, 'c');
    await one.release(0, [key('a')], holder.leaseId);
    await eventually(async () => {
      await one.beat(0);
      expect((await one.takeUp(0, idOf(next), 'c', false)).outcome).toBe('granted');
    });
    expect((await two.takeUp(0, idOf(silent), 'c', false)).outcome).toBe('lost');
  });

  it('passes over the requests of a node that died', async () => {
    const holder = ask('a');
    await acquire(one, holder);
    for (let i = 0; i < 5; i += 1) await two.acquire(ask('a', { waitMs: 60_000 }), 'c');
    const next = ask('a', { waitMs: 60_000 });
    await one.acquire(next, 'c');
    await eventually(async () => {
      await one.beat(0);
      expect((await one.inspect('lock', 'a')).waiters).toHaveLength(1);
    });
    await one.release(0, [key('a')], holder.leaseId);
    expect((await one.takeUp(0, idOf(next), 'c', false)).outcome).toBe('granted');
  });

  it('takes a request out of the queue when its time is over, or gives it what it was served meanwhile', async () => {
    const holder = ask('a');
    await acquire(one, holder);
    const [early, late] = [ask('a', { waitMs: 9_000 }), ask('a', { waitMs: 9_000 })];
    await one.acquire(early, 'c');
    await one.acquire(late, 'c');
    expect((await one.takeUp(0, idOf(early), 'c', true)).outcome).toBe('left');
    expect((await one.inspect('lock', 'a')).waiters).toHaveLength(1);
    await one.release(0, [key('a')], holder.leaseId);
    expect((await one.takeUp(0, idOf(late), 'c', true)).outcome).toBe('granted');
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
    expect((await one.inspect('lock', 'a')).waiters.map((waiter) => waiter.owner)).toEqual([
      'first',
      'second',
    ]);
    // The first node gives its request up; the other one still holds it.
    await one.withdraw(0, idOf(first), 'c1', false);
    await one.release(0, [key('a')], holder.leaseId);
    expect((await two.takeUp(0, idOf(first), 'c3', false)).outcome).toBe('granted');
  });

  it('takes back a lease that its caller was not told of, and only that', async () => {
    const untold = ask('a');
    await acquire(one, untold, 'c1');
    await one.withdraw(0, idOf(untold), 'c1', false);
    expect((await one.inspect('lock', 'a')).holders).toEqual([]);
    // Not spent: the caller may ask again. This time it is told twice, so neither telling may take it back.
    await acquire(one, untold, 'c2');
    await acquire(two, untold, 'c3');
    await one.withdraw(0, idOf(untold), 'c2', false);
    await two.withdraw(0, idOf(untold), 'c3', false);
    expect((await one.inspect('lock', 'a')).holders).toHaveLength(1);
  });

  it('never shows a lease whose time is over', async () => {
    await acquire(one, ask('a', { ttlMs: 100 }));
    await acquire(one, ask('b'));
    await sleep(110);
    expect((await one.inspect('lock', 'a')).holders).toEqual([]);
    expect((await one.listLocks('', undefined, 10)).shown.map((each) => each.key)).toEqual(['l/b']);
  });

  it('keeps nothing of an idle name but what is forgotten within 5 minutes', async () => {
    const holder = ask('a');
    await acquire(one, holder);
    const next = ask('a', { waitMs: 9_000 });
    await one.acquire(next, 'c');
    await one.release(0, [key('a')], holder.leaseId);
    await one.takeUp(0, idOf(next), 'c', false);
    await one.release(0, [key('a')], next.leaseId);
    const left = (await keysIn()).filter((each) => each !== 'nodes');
    for (const each of left) {
      const ttl = await redis.pttl(`syncline:lock:{0}:${each}`);
      expect(ttl).toBeGreaterThan(0);
      expect(ttl).toBeLessThanOrEqual(300_000);
    }
    // How the last lease ended stands beside the token.
    expect(left.sort()).toEqual(['l:l/a', 'pulse', `s:l/a ${holder.leaseId}`].sort());
    expect(await redis.get('syncline:lock:{0}:l:l/a')).toContain(next.leaseId);
  });

  it('keeps nothing of a name that was awaited and never held', async () => {
    await acquire(one, ask('b'));
    const before = await keysIn();
    const set = ask(['a', 'b'], { waitMs: 9_000 });
    expect((await one.acquire(set, 'c')).outcome).toBe('waiting');
    expect((await one.takeUp(0, idOf(set), 'c', true)).outcome).toBe('left');
    expect((await keysIn()).sort()).toEqual(before.sort());
    expect(await one.inspect('lock', 'a')).toMatchObject({ holders: [], waiters: [], currentToken: null });
  });

  it('lists by prefix, page by page', async () => {
    for (let i = 0; i < 7; i += 1) await acquire(one, ask(`job/${i}`));
    await acquire(one, ask('jobs'));
    const first = await one.listLocks('job/', undefined, 3);
    expect(first.shown.map((each) => each.key)).toEqual(['l/job/0', 'l/job/1', 'l/job/2']);
    const second = await one.listLocks('job/', first.last?.slice(2), 3);
    const third = await one.listLocks('job/', second.last?.slice(2), 3);
    expect(third).toMatchObject({ last: null, shown: [{ key: 'l/job/6' }] });
  });

  describe('several names at once', () => {
    it('are granted all or none', async () => {
      await acquire(one, ask('b'));
      const set = ask(['a', 'b', 'c']);
      expect((await one.acquire(set, 'c')).outcome).toBe('held');
      expect((await one.inspect('lock', 'a')).holders).toEqual([]);
      expect(leasesOf(await one.acquire(ask(['c', 'a']), 'c')).map((lease) => lease.name)).toEqual([
        'a',
        'c',
      ]);
    });

    it('are served when the last of them is free, without being overtaken on the others', async () => {
      const holder = ask('b');
      await acquire(one, holder);
      const set = ask(['a', 'b'], { waitMs: 9_000 });
      const single = ask('a', { waitMs: 9_000 });
      await one.acquire(set, 'c');
      expect((await two.acquire(single, 'c')).outcome).toBe('waiting');
      await one.release(0, [key('b')], holder.leaseId);
      expect((await one.takeUp(0, idOf(set), 'c', false)).outcome).toBe('granted');
      expect((await two.takeUp(0, idOf(single), 'c', false)).outcome).toBe('waiting');
      await one.release(0, [key('a'), key('b')], set.leaseId);
      expect((await two.takeUp(0, idOf(single), 'c', false)).outcome).toBe('granted');
    });

    it('let the ones behind go when they are given up', async () => {
      await acquire(one, ask('b'));
      const set = ask(['a', 'b'], { waitMs: 9_000 });
      const single = ask('a', { waitMs: 9_000 });
      await one.acquire(set, 'c');
      await two.acquire(single, 'c');
      await one.withdraw(0, idOf(set), 'c', false);
      expect((await two.takeUp(0, idOf(single), 'c', false)).outcome).toBe('granted');
    });
  });

  it('lets shared neighbours in the queue enter together', async () => {
    const holder = ask('a');
    await acquire(one, holder);
    const readers = ['x', 'y', 'z'].map((owner) => ask('a', { owner, mode: 'shared', waitMs: 9_000 }));
    for (const reader of readers) await one.acquire(reader, 'c');
    await one.acquire(ask('a', { waitMs: 9_000 }), 'c');
    await one.acquire(ask('a', { mode: 'shared', waitMs: 9_000 }), 'c');
    await one.release(0, [key('a')], holder.leaseId);
    const { holders, waiters } = await one.inspect('lock', 'a');
    expect(holders.map(({ owner }) => owner).sort()).toEqual(['x', 'y', 'z']);
    expect(waiters.map((waiter) => waiter.mode)).toEqual(['exclusive', 'shared']);
  });
});
