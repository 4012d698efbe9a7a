import { randomUUID } from 'node:crypto';
import type { Membership } from '@syncline/cluster';
import { commandConnection, type RedisClient } from '@syncline/redis';
import { RedisServer } from '@syncline/testing';
import { type LeaseRequest, permitsOf, waitId } from '../lease/lease.js';
import { resourceKey } from './lease.keys.js';
import { LeasesStore } from './leases.store.js';

const NAMES = ['a', 'b', 'c'];
const ROUNDS = 30;
const OPERATIONS = 60;

describe('operations of one turn', () => {
  let server: RedisServer;
  let redis: RedisClient;
  let store: LeasesStore;
  const key = (name: string) => resourceKey('lock', name);
  const ask = (name: string, more: Partial<LeaseRequest> & { shared?: boolean } = {}) => {
    const { shared = false, ...rest } = more;
    return {
      shard: 0,
      wishes: [{ key: key(name), permits: permitsOf(shared ? 'shared' : 'exclusive'), limit: 1_000_000 }],
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
  const calls = async (command: string) =>
    Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(await redis.info('commandstats'))?.[1] ?? 0);

  beforeAll(async () => {
    server = await RedisServer.start();
    redis = commandConnection(server.url, 'test');
    await redis.connect();
  });
  beforeEach(async () => {
    await redis.flushall();
    store = new LeasesStore(redis, { nodeId: 'one' } as Membership);
  });
  afterAll(async () => {
    redis?.disconnect();
    await server?.stop();
  });

  it('travel in one script, also those of many callers', async () => {
    await store.acquire(ask('first'), 'c');
    await redis.call('CONFIG', 'RESETSTAT');
    const requests = Array.from({ length: 40 }, (_, i) => ask(`name-${i}`));
    const replies = await Promise.all(requests.map((request) => store.acquire(request, 'c')));
    expect(replies.every((reply) => reply.outcome === 'granted')).toBe(true);
    expect(await calls('evalsha')).toBe(1);
    const released = await Promise.all(
      requests.map((request) => store.release(0, [request.wishes[0]?.key ?? ''], request.leaseId)),
    );
    expect(released.every((reply) => reply.outcome === 'released')).toBe(true);
    expect(await calls('evalsha')).toBe(2);
  });

  it('see what those before them did', async () => {
    const first = ask('a');
    const second = ask('a', { waitMs: 9_000 });
    const third = ask('a');
    const replies = await Promise.all([
      store.acquire(first, 'c1'),
      store.acquire(second, 'c2'),
      store.acquire(third, 'c3'),
      store.release(0, [key('a')], first.leaseId, [{ id: waitId(second.leaseId, [key('a')]), claim: 'c2' }]),
      store.renew(0, [key('a')], second.leaseId, null),
      store.release(0, [key('a')], first.leaseId),
      store.acquire(first, 'c4'),
    ]);
    expect(replies[0]).toMatchObject({ outcome: 'granted' });
    expect(replies[1]).toMatchObject({ outcome: 'waiting' });
    expect(replies[2]).toMatchObject({ outcome: 'held', waiters: 1 });
    expect(replies[3]).toMatchObject({ outcome: 'released', served: [{ leases: [{ name: 'a' }] }] });
    expect(replies[4]).toMatchObject([{ leaseId: second.leaseId }]);
    expect(replies[5]).toMatchObject({ outcome: 'released-before' });
    expect(replies[6]).toMatchObject({ outcome: 'spent' });
  });

  it('do not spoil each other: what Redis refuses to one it does for the others', async () => {
    await redis.set('syncline:lock:{0}:q:l/broken', 'not a queue');
    await redis.set('syncline:lock:{0}:l:l/broken', '*');
    const facts = { token: 1, used: 0, limit: 1_000_000, waiting: 1, arrival: 1, past: '- - 0' };
    await redis.hset('syncline:lock:{0}:m:l/broken', facts);
    const outcomes = await Promise.allSettled([
      store.acquire(ask('good'), 'c'),
      store.acquire(ask('broken'), 'c'),
      store.acquire(ask('another'), 'c'),
    ]);
    expect(outcomes).toMatchObject([
      { status: 'fulfilled', value: { outcome: 'granted' } },
      { status: 'rejected', reason: { message: expect.stringContaining('WRONGTYPE') } },
      { status: 'fulfilled', value: { outcome: 'granted' } },
    ]);
  });

  it('release also while Redis is too full to grant', async () => {
    const held = ask('held');
    await store.acquire(held, 'c');
    await redis.call('CONFIG', 'SET', 'maxmemory', '1');
    try {
      const replies = await Promise.all([
        store.release(0, [key('held')], held.leaseId),
        store.acquire(ask('other'), 'c'),
        store.acquire(ask('third', { waitMs: 9_000 }), 'c'),
      ]);
      expect(replies.map(({ outcome }) => outcome)).toEqual(['released', 'full', 'full']);
    } finally {
      await redis.call('CONFIG', 'SET', 'maxmemory', '0');
    }
  });

  it('come to the same as one by one', async () => {
    // Two sets of names with the same history: one gathered, one not.
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    for (let round = 0; round < ROUNDS; round += 1) {
      // Names of its own: a round is over long before anything that depends on time.
      await store.beat(0);
      const leases: { name: string; ids: [string, string] }[] = [];
      const operations = Array.from({ length: OPERATIONS }, () => {
        const kind = random(10);
        if (kind < 5 || leases.length === 0) {
          const lease = {
            name: `${NAMES[random(NAMES.length)]}-${round}`,
            ids: [randomUUID(), randomUUID()] as [string, string],
          };
          leases.push(lease);
          const shared = random(3) > 0;
          const waitMs = random(2) * 60_000;
          return (side: 0 | 1) =>
            store.acquire(ask(`${side}/${lease.name}`, { leaseId: lease.ids[side], shared, waitMs }), 'c');
        }
        const { name, ids } = leases[Math.max(0, leases.length - 1 - random(12))] as (typeof leases)[number];
        if (kind < 6) return (side: 0 | 1) => store.renew(0, [key(`${side}/${name}`)], ids[side], 20_000);
        return (side: 0 | 1) => store.release(0, [key(`${side}/${name}`)], ids[side]);
      });
      const together = await Promise.all(operations.map((operation) => operation(0)));
      for (const [i, operation] of operations.entries()) {
        expect(outcomeOf(await operation(1))).toEqual(outcomeOf(together[i]));
      }
      for (const name of NAMES) {
        const [one, other] = await Promise.all(
          [0, 1].map((side) => store.inspect('lock', `${side}/${name}-${round}`)),
        );
        expect(one?.used).toBe(other?.used);
        expect(one?.holders.length).toBe(other?.holders.length);
        expect(one?.waiters.map(({ mode }) => mode)).toEqual(other?.waiters.map(({ mode }) => mode));
      }
    }
  });
});

/** What a reply says apart from ids and times. */
const outcomeOf = (reply: unknown): unknown => {
  if (reply === null || Array.isArray(reply)) return reply?.length;
  const { outcome, waiters, holders } = reply as { outcome: string; waiters?: number; holders?: unknown[] };
  return { outcome, waiters, holders: holders?.length };
};
