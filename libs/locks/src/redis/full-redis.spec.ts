import { randomUUID } from 'node:crypto';
import type { Membership } from '@syncline/cluster';
import { commandConnection, type RedisClient, StoreUnavailable } from '@syncline/redis';
import { RedisServer } from '@syncline/testing';
import { type LeaseRequest, permitsOf, waitId } from '../lease/lease.js';
import { resourceKey } from './lease.keys.js';
import { LeasesStore } from './leases.store.js';
import { SessionsStore } from './sessions.store.js';

describe('leases in a Redis that has reached its maxmemory', () => {
  let server: RedisServer;
  let redis: RedisClient;
  let store: LeasesStore;
  let sessions: SessionsStore;
  const key = (name: string) => resourceKey('lock', name);
  const ask = (name: string, more: Partial<LeaseRequest> = {}): LeaseRequest => ({
    shard: 0,
    wishes: [{ key: key(name), permits: permitsOf('exclusive'), limit: 1_000_000 }],
    leaseId: randomUUID(),
    fresh: false,
    owner: 'o',
    ttlMs: 30_000,
    waitMs: 0,
    sessionId: null,
    metadata: null,
    ...more,
  });
  const idOf = (request: LeaseRequest) =>
    waitId(
      request.leaseId,
      request.wishes.map((wish) => wish.key),
    );
  const contents = async () => {
    const keys = (await redis.keys('*')).filter((each) => !/:(pulse|nodes)$/.test(each)).sort();
    return Promise.all(keys.map(async (each) => [each, await redis.dump(each)]));
  };

  beforeAll(async () => {
    server = await RedisServer.start();
    redis = commandConnection(server.url, 'test');
    await redis.connect();
  });
  beforeEach(async () => {
    await redis.flushall();
    store = new LeasesStore(redis, { nodeId: 'one' } as Membership);
    sessions = new SessionsStore(redis, store);
    await store.beat(0);
  });
  afterEach(() => redis.call('CONFIG', 'SET', 'maxmemory', '0'));
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  it('go on: renewed, shown, released, passed on, revoked, kept alive, ended', async () => {
    const [held, first, second, other] = [
      ask('a'),
      ask('a', { owner: 'x', waitMs: 60_000 }),
      ask('a', { owner: 'y', waitMs: 60_000 }),
      ask('b'),
    ];
    for (const request of [held, first, second, other]) await store.acquire(request, 'c');
    await sessions.create('s', 30_000, 'o', null);
    const inSession = ask('c', { sessionId: 's' });
    await store.acquire(inSession, 'c');
    await redis.call('CONFIG', 'SET', 'maxmemory', '1');

    const [renewed, refused, again, place] = await Promise.all([
      store.renew(0, [key('a')], held.leaseId, 60_000),
      store.acquire(ask('new'), 'c'),
      store.acquire(held, 'c'),
      store.acquire(first, 'c'),
    ]);
    expect(renewed?.[0]?.ttlMs).toBe(60_000);
    expect(refused).toEqual({ outcome: 'full' });
    expect(again.outcome).toBe('granted');
    expect(place.outcome).toBe('waiting');
    expect((await store.inspect('lock', 'a')).waiters).toHaveLength(2);
    expect((await store.listLocks('', undefined, 10)).shown).toHaveLength(3);
    expect((await store.beat(0)).held).toBe(2);
    expect(await store.findDeadlock(0, idOf(first))).toBeNull();
    expect((await store.release(0, [key('a')], held.leaseId)).outcome).toBe('released');
    expect((await store.takeUp(0, idOf(first), 'c', false)).outcome).toBe('granted');
    await store.withdraw(0, idOf(second), 'c', true);
    expect((await store.acquire(second, 'c')).outcome).toBe('waiting');
    expect((await store.acquire(ask('a'), 'c')).outcome).toBe('held');
    expect(await store.revoke('lock', 'b', 'because')).toEqual([other.leaseId]);
    expect(await sessions.keep('s')).toMatchObject({ leases: 1 });
    expect((await sessions.show('s'))?.leases).toHaveLength(1);
    expect(await sessions.end('s')).toBe(true);
  });

  it('are refused whole where they need memory: nothing is half done', async () => {
    await store.acquire(ask('a'), 'c');
    const before = await contents();
    await redis.call('CONFIG', 'SET', 'maxmemory', '1');
    expect(await store.acquire(ask('b'), 'c')).toEqual({ outcome: 'full' });
    expect(await store.acquire(ask('a', { waitMs: 60_000 }), 'c')).toEqual({ outcome: 'full' });
    await expect(store.resize('s', 3)).rejects.toBeInstanceOf(StoreUnavailable);
    await expect(sessions.create('s', 30_000, 'o', null)).rejects.toBeInstanceOf(StoreUnavailable);
    expect(await contents()).toEqual(before);
  });
});
