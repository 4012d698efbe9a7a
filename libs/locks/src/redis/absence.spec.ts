import { randomUUID } from 'node:crypto';
import type { Membership } from '@syncline/cluster';
import { commandConnection, type RedisClient } from '@syncline/redis';
import { eventually, RedisServer } from '@syncline/testing';
import { type LeaseRequest, permitsOf, waitId } from '../lease/lease.js';
import { resourceKey } from './lease.keys.js';
import { LeasesStore } from './leases.store.js';

const KEY = resourceKey('lock', 'a');

describe('a caller that is away', () => {
  let server: RedisServer;
  let redis: RedisClient;
  let one: LeasesStore;
  let two: LeasesStore;
  const ask = (owner: string, more: Partial<LeaseRequest> = {}): LeaseRequest => ({
    shard: 0,
    wishes: [{ key: KEY, permits: permitsOf('exclusive'), limit: 1_000_000 }],
    leaseId: randomUUID(),
    fresh: false,
    owner,
    ttlMs: 30_000,
    waitMs: 60_000,
    sessionId: null,
    metadata: null,
    ...more,
  });
  const idOf = ({ leaseId }: LeaseRequest) => waitId(leaseId, [KEY]);
  const outcomeOf = async (store: LeasesStore, request: LeaseRequest, claim = 'c') =>
    (await store.acquire(request, claim)).outcome;
  const cutOff = (store: LeasesStore, request: LeaseRequest) => store.withdraw(0, idOf(request), 'c', true);
  const waiters = async () => (await one.inspect('lock', 'a')).waiters.map(({ owner }) => owner);
  const takeUp = async (store: LeasesStore, request: LeaseRequest) =>
    (await store.takeUp(0, idOf(request), 'c', false)).outcome;

  beforeAll(async () => {
    server = await RedisServer.start();
    redis = commandConnection(server.url, 'test');
    await redis.connect();
  });
  beforeEach(async () => {
    await redis.flushall();
    one = new LeasesStore(redis, { nodeId: 'one' } as Membership);
    two = new LeasesStore(redis, { nodeId: 'two' } as Membership);
    await one.beat(0);
    await two.beat(0);
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  it('finds its place again, through any node, and is not shown meanwhile', async () => {
    const holder = ask('holder');
    const [first, second] = [ask('first'), ask('second')];
    await one.acquire(holder, 'c');
    for (const request of [first, second]) expect(await outcomeOf(one, request)).toBe('waiting');
    await cutOff(one, first);
    expect(await waiters()).toEqual(['second']);
    expect(await outcomeOf(two, first)).toBe('waiting');
    expect(await waiters()).toEqual(['first', 'second']);
    await one.release(0, [KEY], holder.leaseId);
    expect(await takeUp(two, first)).toBe('granted');
  });

  it('finds what it was served with while it was away; the time of the lease begins then', async () => {
    const holder = ask('holder');
    const [first, second] = [ask('first', { ttlMs: 100 }), ask('second')];
    await one.acquire(holder, 'c');
    for (const request of [first, second]) await one.acquire(request, 'c');
    await cutOff(one, first);
    await one.release(0, [KEY], holder.leaseId);
    const { holders, waiters: line } = await one.inspect('lock', 'a');
    expect([holders, line.length]).toEqual([[], 1]);
    // Nobody overtakes, be it a newcomer or who stands behind it.
    expect(await outcomeOf(two, ask('newcomer', { waitMs: 0 }))).toBe('held');
    expect(await takeUp(one, second)).toBe('waiting');
    const reply = await two.acquire(first, 'c2');
    if (reply.outcome !== 'granted') throw new Error(reply.outcome);
    const [lease] = reply.leases;
    expect(Date.parse(lease?.expiresAt ?? '') - Date.parse(lease?.acquiredAt ?? '')).toBe(100);
  });

  it('holds up the others once, however many are away', async () => {
    const holder = ask('holder');
    const gone = ['x', 'y', 'z'].map((owner) => ask(owner));
    const next = ask('next');
    await one.acquire(holder, 'c');
    for (const request of gone) await one.acquire(request, 'c');
    await one.acquire(next, 'c');
    await cutOff(one, gone[0] as LeaseRequest);
    await one.release(0, [KEY], holder.leaseId);
    const releasedAt = performance.now();
    // The others go one after the other while the first one is waited for.
    await eventually(async () => {
      await one.beat(0);
      const place = gone.findIndex((_, i) => i > 0 && performance.now() - releasedAt > i * 900);
      if (place > 0) await cutOff(one, gone[place] as LeaseRequest);
      expect(await takeUp(one, next)).toBe('granted');
    }, 10_000);
    await Promise.all(gone.map((request) => cutOff(one, request)));
    expect(await redis.zcard('syncline:lock:{0}:q:l/a')).toBe(0);
  });

  it('is forgotten with all that it left when it does not come back, also far from the head', async () => {
    await one.acquire(ask('holder'), 'c');
    const gone = ask('gone');
    await one.acquire(ask('first', { waitMs: 600_000 }), 'c');
    await one.acquire(gone, 'c');
    await cutOff(one, gone);
    await eventually(async () => {
      await one.beat(0);
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
    await one.acquire(holder, 'c');
    for (const request of [first, second]) await one.acquire(request, 'c');
    await one.withdraw(0, idOf(first), 'c', false);
    await one.release(0, [KEY], holder.leaseId);
    expect(await takeUp(one, second)).toBe('granted');
  });

  it('gives its place and its lease up by a release, and cannot come back then', async () => {
    const holder = ask('holder');
    const [first, second, third] = [ask('first'), ask('second'), ask('third')];
    await one.acquire(holder, 'c');
    for (const request of [first, second, third]) await one.acquire(request, 'c');
    await cutOff(one, first);
    expect((await two.release(0, [KEY], first.leaseId)).outcome).toBe('released');
    expect((await two.release(0, [KEY], first.leaseId)).outcome).toBe('released-before');
    expect(await outcomeOf(two, first)).toBe('spent');
    await cutOff(one, second);
    await one.release(0, [KEY], holder.leaseId);
    expect((await two.release(0, [KEY], second.leaseId)).outcome).toBe('released');
    expect(await takeUp(one, third)).toBe('granted');
    expect(await outcomeOf(two, second)).toBe('spent');
  });

  it('is not thought dead with all nodes when it was Redis that was away', async () => {
    const holder = ask('holder');
    const line = ['x', 'y', 'z'].map((owner) => ask(owner));
    await one.acquire(holder, 'c');
    for (const request of line) await two.acquire(request, 'c');
    await two.beat(0);
    // As if it stood still for 4 s: what was written lies so much further back.
    const [beaten, away] = ((await redis.get('syncline:lock:{0}:pulse')) ?? '').split(' ').map(Number);
    await redis.set('syncline:lock:{0}:pulse', `${(beaten ?? 0) - 4_000} ${away}`);
    for (const run of await redis.zrange('syncline:lock:{0}:nodes', '0', '-1')) {
      await redis.zincrby('syncline:lock:{0}:nodes', -4_000, run);
    }
    const last = line[2] as LeaseRequest;
    expect(await outcomeOf(one, last)).toBe('waiting');
    expect(await waiters()).toEqual(['x', 'y', 'z']);
    await one.beat(0);
    await one.release(0, [KEY], holder.leaseId);
    expect(await takeUp(two, line[0] as LeaseRequest)).toBe('granted');
    // From then on a node that stays silent is dead, as ever.
    await eventually(async () => {
      await one.beat(0);
      expect(await waiters()).toEqual(['z']);
    }, 10_000);
  });
});
