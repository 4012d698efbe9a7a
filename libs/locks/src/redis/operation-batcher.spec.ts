import { randomUUID } from 'node:crypto';
import { ask, type LockNode, LockStage } from '../../../../test/stages/lock-stage.js';
import { OperationBatcher } from './operation-batcher.js';
import type { ShardCalls } from './shard-calls.js';

const NAMES = ['a', 'b', 'c'];
const ROUNDS = 30;
const OPERATIONS = 60;

describe('operations of one turn', () => {
  let stage: LockStage;
  let node: LockNode;
  const calls = async (command: string) =>
    Number(
      new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(await stage.redis.info('commandstats'))?.[1] ?? 0,
    );

  beforeAll(async () => {
    stage = await LockStage.start();
  });
  beforeEach(async () => {
    [node] = await stage.reset('one');
  });
  afterAll(() => stage.stop());

  it('travel in one script, also those of many callers', async () => {
    await node.acquire(ask('first'));
    await stage.redis.call('CONFIG', 'RESETSTAT');
    const requests = Array.from({ length: 40 }, (_, i) => ask(`name-${i}`));
    const replies = await Promise.all(requests.map((request) => node.acquire(request)));
    expect(replies.every((reply) => reply.outcome === 'granted')).toBe(true);
    expect(await calls('fcall')).toBe(1);
    const released = await Promise.all(requests.map(({ leaseId }, i) => node.release(`name-${i}`, leaseId)));
    expect(released.every((reply) => reply.outcome === 'released')).toBe(true);
    expect(await calls('fcall')).toBe(2);
  });

  it('wait for the end of the turn only while others are under way', async () => {
    const sent: number[] = [];
    const replies: ((reply: unknown[]) => void)[] = [];
    const call = (_command: unknown, { operations }: { operations: unknown[] }) => {
      sent.push(operations.length);
      return new Promise((resolve) => replies.push(resolve));
    };
    const batcher = new OperationBatcher({ call } as unknown as ShardCalls, 'process');
    const add = () => batcher.add(0, { kind: 'release', fields: [], read: (reply) => reply });
    const endOfTurn = () => new Promise((resolve) => setImmediate(resolve));
    const first = add();
    await new Promise<void>((resolve) => process.nextTick(resolve));
    expect(sent).toEqual([1]);
    void add();
    await new Promise<void>((resolve) => process.nextTick(resolve));
    expect(sent).toEqual([1]);
    void add();
    await endOfTurn();
    expect(sent).toEqual([1, 2]);
    replies[0]?.(['first']);
    expect(await first).toBe('first');
  });

  it('see what those before them did', async () => {
    const first = ask('a');
    const second = ask('a', { waitMs: 9_000 });
    const third = ask('a');
    const replies = await Promise.all([
      node.acquire(first, 'c1'),
      node.acquire(second, 'c2'),
      node.acquire(third, 'c3'),
      node.release('a', first.leaseId, { c2: second }),
      node.renew('a', second.leaseId),
      node.release('a', first.leaseId),
      node.acquire(first, 'c4'),
    ]);
    expect(replies[0]).toMatchObject({ outcome: 'granted' });
    expect(replies[1]).toMatchObject({ outcome: 'waiting' });
    expect(replies[2]).toMatchObject({ outcome: 'held', waiters: 1 });
    expect(replies[3]).toMatchObject({ outcome: 'released', served: [{ leases: [{ name: 'a' }] }] });
    expect(replies[4]).toMatchObject({ outcome: 'renewed', leases: [{ leaseId: second.leaseId }] });
    expect(replies[5]).toMatchObject({ outcome: 'released-before' });
    expect(replies[6]).toMatchObject({ outcome: 'lost' });
  });

  it('do not spoil each other: what Redis refuses to one it does for the others', async () => {
    await stage.redis.set('syncline:lock:{0}:q:l/broken', 'not a queue');
    await stage.redis.set('syncline:lock:{0}:l:l/broken', '*');
    const facts = { token: 1, used: 0, limit: 1_000_000, waiting: 1, arrival: 1, past: '- - 0' };
    await stage.redis.hset('syncline:lock:{0}:m:l/broken', facts);
    const outcomes = await Promise.allSettled([
      node.acquire(ask('good')),
      node.acquire(ask('broken')),
      node.acquire(ask('another')),
    ]);
    expect(outcomes).toMatchObject([
      { status: 'fulfilled', value: { outcome: 'granted' } },
      { status: 'rejected', reason: { message: expect.stringContaining('WRONGTYPE') } },
      { status: 'fulfilled', value: { outcome: 'granted' } },
    ]);
  });

  it('release also while Redis is too full to grant', async () => {
    const held = ask('held');
    await node.acquire(held);
    await stage.redis.call('CONFIG', 'SET', 'maxmemory', '1');
    try {
      const replies = await Promise.all([
        node.release('held', held.leaseId),
        node.acquire(ask('other')),
        node.acquire(ask('third', { waitMs: 9_000 })),
      ]);
      expect(replies.map(({ outcome }) => outcome)).toEqual(['released', 'full', 'full']);
    } finally {
      await stage.redis.call('CONFIG', 'SET', 'maxmemory', '0');
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
      await node.beat();
      const leases: { name: string; ids: [string, string] }[] = [];
      const operations = Array.from({ length: OPERATIONS }, () => {
        const kind = random(10);
        if (kind < 5 || leases.length === 0) {
          const lease = {
            name: `${NAMES[random(NAMES.length)]}-${round}`,
            ids: [randomUUID(), randomUUID()] as [string, string],
          };
          leases.push(lease);
          const mode = random(3) > 0 ? 'shared' : 'exclusive';
          const waitMs = random(2) * 60_000;
          return (side: 0 | 1) =>
            node.acquire(ask(`${side}/${lease.name}`, { leaseId: lease.ids[side], mode, waitMs }));
        }
        const { name, ids } = leases[Math.max(0, leases.length - 1 - random(12))] as (typeof leases)[number];
        if (kind < 6) return (side: 0 | 1) => node.renew(`${side}/${name}`, ids[side], 20_000);
        return (side: 0 | 1) => node.release(`${side}/${name}`, ids[side]);
      });
      const together = await Promise.all(operations.map((operation) => operation(0)));
      for (const [i, operation] of operations.entries()) {
        expect(outcomeOf(await operation(1))).toEqual(outcomeOf(together[i]));
      }
      for (const name of NAMES) {
        const [one, other] = await Promise.all(
          [0, 1].map((side) => node.inspect(`${side}/${name}-${round}`)),
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
  const { outcome, waiters, holders } = reply as { outcome: string; waiters?: number; holders?: unknown[] };
  return { outcome, waiters, holders: holders?.length };
};
