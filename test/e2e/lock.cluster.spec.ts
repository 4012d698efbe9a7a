import { setTimeout as sleep } from 'node:timers/promises';
import type { Lease, Lock } from '@syncline/contracts';
import { eventually, type NodeProcess, RedisCluster, startNodes, stopAll } from '@syncline/testing';
import { resourceKey } from '../../libs/locks/src/lease/resource.js';
import { Shards, shardPrefix } from '../../libs/locks/src/redis/shards.js';
import { acquire, call, describeLock, release } from './lock.calls.js';

describe('lock nodes on a Redis Cluster', () => {
  let redis: RedisCluster;
  let nodes: NodeProcess[];
  let one: NodeProcess;
  let two: NodeProcess;

  beforeAll(async () => {
    redis = await RedisCluster.start();
    nodes = await startNodes('lock', 2, { redisUrl: redis.url });
    [one, two] = nodes as [NodeProcess, NodeProcess];
  });
  afterAll(async () => {
    await stopAll(nodes);
    await redis.stop();
  });

  it('grant, queue and hand over names that lie in different slots', async () => {
    const names = Array.from({ length: 12 }, (_, i) => `job-${i}`);
    const held = await Promise.all(names.map((name) => acquire(one, name, { owner: 'a' })));
    expect(held.map((answer) => answer.status)).toEqual(names.map(() => 200));
    const waiting = names.map((name) => acquire(two, name, { owner: 'b', waitMs: 10_000 }));
    await eventually(async () => {
      for (const name of names) expect((await describeLock(one, name)).waiters).toHaveLength(1);
    });
    for (const { body } of held) await release(two, body);
    const next = await Promise.all(waiting);
    next.forEach(({ body }, i) => {
      expect(BigInt(body.fencingToken)).toBeGreaterThan(BigInt(held[i]?.body.fencingToken));
    });
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? '' : `&cursor=${cursor}`;
      const { body } = await call(one, 'GET', `locks?prefix=job-&limit=5${query}`);
      seen.push(...body.locks.map((lock: Lock) => lock.name));
      cursor = body.cursor;
    } while (cursor !== null);
    expect(seen).toEqual([...names].sort());
  });

  it('take several names of one {tag} at once, and refuse others by cross-slot', async () => {
    const set = (names: string[]) =>
      call(one, 'POST', 'locks/acquire', { owner: 'a', locks: names.map((name) => ({ name })) });
    const { status, body } = await set(['{order-42}:stock', '{order-42}:bill']);
    expect(status).toBe(200);
    expect(body.leases.map((lease: Lease) => lease.name)).toEqual(['{order-42}:stock', '{order-42}:bill']);
    const refused = await set(['stock', 'bill', 'ship']);
    expect([refused.status, refused.body.code]).toEqual([400, 'cross-slot']);
    expect(refused.body.detail).toContain('{tag}');
  });

  it('keep sessions over all slots, and free what they held', async () => {
    const { body: session } = await call(one, 'POST', 'sessions', { owner: 's', ttlMs: 1_500 });
    const names = ['s-1', 's-2', 's-3', 's-4'];
    for (const name of names) await acquire(two, name, { owner: 's', sessionId: session.sessionId });
    const { body } = await call(two, 'GET', `sessions/${session.sessionId}`);
    expect(body.leases.map((lease: Lease) => lease.name).sort()).toEqual(names);
    expect((await call(one, 'POST', `sessions/${session.sessionId}/keepalive`)).status).toBe(200);
    const next = await Promise.all(names.map((name) => acquire(one, name, { owner: 'n', waitMs: 10_000 })));
    expect(next.map((answer) => answer.status)).toEqual([200, 200, 200, 200]);
  });

  it('find a deadlock among names of one {tag}', async () => {
    const { body: a } = await acquire(one, '{d}a', { owner: 'A' });
    await acquire(one, '{d}b', { owner: 'B' });
    const older = acquire(one, '{d}b', { owner: 'A', waitMs: 10_000 });
    await eventually(async () => expect((await describeLock(one, '{d}b')).waiters).toHaveLength(1));
    expect((await acquire(two, '{d}a', { owner: 'B', waitMs: 10_000 })).body.code).toBe('deadlock');
    await call(one, 'DELETE', 'locks/%7Bd%7Db', {});
    expect((await older).status).toBe(200);
    await release(one, a);
  });

  describe('whose owners wait in several shards', () => {
    const shards = new Shards({ isCluster: true });
    /** Names that lie in as many shards. */
    const apart = (prefix: string, count: number): string[] => {
      const byShard = new Map<number, string>();
      for (let i = 0; byShard.size < count; i += 1) {
        byShard.set(shards.of(resourceKey('lock', `${prefix}-${i}`)), `${prefix}-${i}`);
      }
      return [...byShard.values()];
    };

    it.each([2, 3, 6])('find a circle of %i owners, at the cost of exactly one', async (count) => {
      const names = apart(`circle-${count}`, count);
      const owners = names.map((_, i) => `O${i}`);
      const held = await Promise.all(
        names.map((name, i) => acquire(i % 2 === 0 ? one : two, name, { owner: owners[i] })),
      );
      const done = await Promise.all(
        owners.map(async (owner, i) => {
          const wanted = names[(i + 1) % count] as string;
          const answer = await acquire(i % 2 === 0 ? two : one, wanted, { owner, waitMs: 30_000 });
          // The victim lets go, and so does everybody who got what he wanted.
          await release(one, held[i]?.body);
          if (answer.status === 200) await release(two, answer.body);
          return answer;
        }),
      );
      const victims = done.filter(({ body }) => body.code === 'deadlock');
      expect(victims).toHaveLength(1);
      const [newest] = (await call(one, 'GET', 'deadlocks')).body.deadlocks;
      expect(newest.cycle).toEqual(victims[0]?.body.cycle);
      expect(done.filter(({ status }) => status === 200)).toHaveLength(count - 1);
      const cycle: { owner: string; waitsFor: string; heldBy: string }[] = victims[0]?.body.cycle;
      expect(cycle.map(({ owner }) => owner).sort()).toEqual(owners);
      for (const { owner, waitsFor, heldBy } of cycle) {
        const i = owners.indexOf(owner);
        expect([waitsFor, heldBy]).toEqual([names[(i + 1) % count], owners[(i + 1) % count]]);
      }
    });

    it('raise no false alarm while locks are taken and left all the time, in one order', async () => {
      const names = apart('churn', 4);
      const alarms: unknown[] = [];
      const work = async (worker: number) => {
        for (let turn = 0; turn < 6; turn += 1) {
          const first = (worker + turn) % 3;
          const taken = [];
          for (const name of [names[first], names[3]] as string[]) {
            const node = (worker + turn) % 2 === 0 ? one : two;
            const answer = await acquire(node, name, { owner: `W${worker}`, waitMs: 60_000 });
            if (answer.status === 200) taken.push(answer.body);
            else alarms.push(answer.body);
          }
          await sleep(40);
          for (const lease of taken) await release(one, lease);
        }
      };
      await Promise.all(Array.from({ length: 6 }, (_, worker) => work(worker)));
      expect(alarms).toEqual([]);
    });
  });

  it('keep those who wait, and their order, while the primary of other names is silent', async () => {
    const names = Array.from({ length: 12 }, (_, i) => `near-${i}`);
    const held = await Promise.all(names.map((name) => acquire(one, name, { owner: 'a' })));
    const primaryOf = (name: string) =>
      redis.primaryOf(shardPrefix(new Shards({ isCluster: true }).of(resourceKey('lock', name))));
    const silent = await primaryOf(names[0] as string);
    const primaries = await Promise.all(names.map(primaryOf));
    const at = primaries.findIndex((primary) => primary !== silent);
    const name = names[at] as string;
    await redis.serveInParts();
    const first = acquire(one, name, { owner: 'first', waitMs: 60_000 });
    await eventually(async () => expect((await describeLock(two, name)).waiters).toHaveLength(1));
    const second = acquire(two, name, { owner: 'second', waitMs: 60_000 });
    await eventually(async () => expect((await describeLock(two, name)).waiters).toHaveLength(2));
    silent.freeze();
    // Longer than a node waits for a Redis that is away, and than the places of a silent node are kept.
    await sleep(6_000);
    await release(one, held[at]?.body);
    const { status, body } = await first;
    expect([status, body.owner]).toEqual([200, 'first']);
    expect((await describeLock(two, name)).waiters).toMatchObject([{ owner: 'second' }]);
    silent.thaw();
    await release(one, body);
    expect((await second).status).toBe(200);
    await eventually(async () => expect((await release(one, held[0]?.body)).status).toBe(200));
  });

  it('keep what they told of a primary that came back without its data', async () => {
    const names = Array.from({ length: 12 }, (_, i) => `kept-${i}`);
    const held = await Promise.all(
      names.map((name) => acquire(one, name, { owner: 'holder', ttlMs: 600_000 })),
    );
    const shard = new Shards({ isCluster: true }).of(resourceKey('lock', 'kept-0'));
    const primary = await redis.primaryOf(shardPrefix(shard));
    await primary.kill();
    await primary.restart();
    const tries: number[] = [];
    for (const { body: lease } of held) {
      await eventually(async () => {
        tries.push((await acquire(two, lease.name, { owner: 'thief' })).status);
        expect(tries.at(-1)).not.toBe(503);
      });
      expect(tries.at(-1)).toBe(409);
      const { body: renewed } = await call(two, 'POST', `locks/${lease.name}/renew`, {
        leaseId: lease.leaseId,
      });
      expect(renewed.fencingToken).toBe(lease.fencingToken);
      expect((await release(one, lease)).body).toMatchObject({ released: true });
      const { body: next } = await acquire(two, lease.name, { owner: 'next' });
      expect(BigInt(next.fencingToken)).toBeGreaterThan(BigInt(lease.fencingToken));
    }
  });
});
