import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lease } from '@syncline/contracts';
import { eventually, NodeProcess, RedisServer, startNodes, stopAll, TcpProxy } from '@syncline/testing';
import { acquire, describeLock, release } from './lock.calls.js';

describe('several lock nodes', () => {
  let redis: RedisServer;
  let nodes: NodeProcess[];
  const node = (i: number) => nodes[i % nodes.length] as NodeProcess;

  /** After the second one ended: another in its place. */
  const replaceSecond = async () => {
    nodes[1] = await NodeProcess.start('lock', { redisUrl: redis.url, nodeId: 'lock_2' });
  };

  beforeAll(async () => {
    redis = await RedisServer.start({ durable: true });
    nodes = await startNodes('lock', 3, { redisUrl: redis.url });
  });
  afterAll(async () => {
    await stopAll(nodes);
    await redis.stop();
  });

  it('give one name to 50 clients one after the other: no overlap, rising tokens, first come first served', async () => {
    const rounds = 4;
    let inside = 0;
    const grants: { lease: Lease; arrival: number }[] = [];
    await Promise.all(
      Array.from({ length: 50 }, async (_, i) => {
        for (let round = 0; round < rounds; round += 1) {
          const { status, body: lease } = await acquire(node(i + round), 'one', {
            owner: `client-${i}`,
            waitMs: 60_000,
          });
          expect(status).toBe(200);
          inside += 1;
          expect(inside).toBe(1);
          grants.push({ lease, arrival: Date.parse(lease.acquiredAt) - lease.waitedMs });
          await sleep(1);
          inside -= 1;
          expect((await release(node(i), lease)).body).toMatchObject({ released: true });
        }
      }),
    );
    expect(grants).toHaveLength(50 * rounds);
    for (let i = 1; i < grants.length; i += 1) {
      const [before, after] = [grants[i - 1], grants[i]];
      expect(BigInt(after?.lease.fencingToken ?? 0)).toBeGreaterThan(BigInt(before?.lease.fencingToken ?? 0));
      // Both are rounded to a millisecond, so neighbours may seem to have arrived 1 ms apart the wrong way.
      expect(after?.arrival ?? 0).toBeGreaterThanOrEqual((before?.arrival ?? 0) - 1);
    }
  });

  it('pass over the waiters of a node that was killed, all of them at once', async () => {
    const { body: lease } = await acquire(node(0), 'killed', { owner: 'holder' });
    const lost = Array.from({ length: 10 }, (_, i) =>
      acquire(node(1), 'killed', { owner: `lost-${i}`, waitMs: 60_000 }).catch(() => 'gone'),
    );
    await eventually(async () => expect((await describeLock(node(0), 'killed')).waiters).toHaveLength(10));
    const next = acquire(node(2), 'killed', { owner: 'next', waitMs: 60_000 });
    await eventually(async () => expect((await describeLock(node(0), 'killed')).waiters).toHaveLength(11));
    await node(1).kill();
    const killedAt = performance.now();
    await release(node(0), lease);
    expect((await next).body.owner).toBe('next');
    // Passed over together, within 3 s on an idle machine; one after the other would take 3 s for each of the ten.
    expect(performance.now() - killedAt).toBeLessThan(20_000);
    expect(await Promise.all(lost)).toEqual(Array(10).fill('gone'));
    await replaceSecond();
  });

  it('answer a parked request by 503 with Retry-After on SIGTERM; sent again elsewhere it keeps its place', async () => {
    const { body: lease } = await acquire(node(0), 'moving', { owner: 'holder' });
    const moving = { owner: 'moving', waitMs: 30_000, leaseId: randomUUID() };
    const first = acquire(node(1), 'moving', moving);
    await eventually(async () => expect((await describeLock(node(0), 'moving')).waiters).toHaveLength(1));
    const behind = acquire(node(2), 'moving', { owner: 'behind', waitMs: 30_000 });
    await eventually(async () => expect((await describeLock(node(0), 'moving')).waiters).toHaveLength(2));

    const stopped = node(1).stop();
    const { status, retryAfter, body } = await first;
    expect([status, retryAfter, body.code]).toEqual([503, '1', 'shutting-down']);
    await sleep(1_000);
    const again = acquire(node(2), 'moving', moving);
    expect(await stopped).toBe(0);
    await eventually(async () => {
      const { waiters } = await describeLock(node(0), 'moving');
      expect(waiters.map((waiter: { owner: string }) => waiter.owner)).toEqual(['moving', 'behind']);
    });
    await release(node(0), lease);
    const granted = await again;
    expect([granted.status, granted.body.leaseId]).toEqual([200, moving.leaseId]);
    await release(node(0), granted.body);
    expect((await behind).status).toBe(200);
    await replaceSecond();
  });

  it('make one grant of a request that was sent through all of them', async () => {
    const { body: lease } = await acquire(node(0), 'spread', { owner: 'holder' });
    const same = { owner: 'me', waitMs: 30_000, leaseId: randomUUID() };
    const answers = nodes.map((each) => acquire(each, 'spread', same));
    await eventually(async () => expect((await describeLock(node(0), 'spread')).waiters).toHaveLength(1));
    await sleep(200);
    await release(node(0), lease);
    const bodies = (await Promise.all(answers)).map((answer) => answer.body);
    expect(bodies[0].leaseId).toBe(same.leaseId);
    expect(bodies).toEqual([bodies[0], bodies[0], bodies[0]]);
    expect((await release(node(2), bodies[0])).body).toMatchObject({ released: true });
    expect((await describeLock(node(0), 'spread')).mode).toBe('free');
  });

  it('answer parked requests by 503 while Redis is away, and serve when it is back', async () => {
    const { body: lease } = await acquire(node(0), 'away', { owner: 'holder', ttlMs: 60_000 });
    const parked = acquire(node(1), 'away', { owner: 'parked', waitMs: 60_000 });
    await eventually(async () => expect((await describeLock(node(0), 'away')).waiters).toHaveLength(1));
    await redis.kill();
    const [waited, fresh] = await Promise.all([parked, acquire(node(2), 'other', { owner: 'me' })]);
    for (const { status, retryAfter, body } of [waited, fresh]) {
      expect([status, retryAfter, body.code]).toEqual([503, '1', 'store-unavailable']);
    }
    await redis.restart();
    // What was acknowledged is still there, and the request that was turned away holds up nobody.
    await eventually(async () =>
      expect((await release(node(0), lease)).body).toMatchObject({ released: true }),
    );
    const { status } = await acquire(node(1), 'away', { owner: 'next', waitMs: 30_000 });
    expect(status).toBe(200);
  });
});

describe('lock nodes that hear nothing of each other', () => {
  it('hand over all the same', async () => {
    await using redis = await RedisServer.start();
    const proxies = await Promise.all([0, 1].map(() => TcpProxy.start(redis.port)));
    const nodes = await Promise.all(
      proxies.map((proxy, i) => NodeProcess.start('lock', { redisUrl: proxy.url, nodeId: `lock_${i + 1}` })),
    );
    try {
      for (const proxy of proxies) proxy.dropMessages = true;
      const [first, second] = nodes as [NodeProcess, NodeProcess];
      const { body: lease } = await acquire(first, 'deaf', { owner: 'holder' });
      const waiting = [1, 2, 3].map((i) => acquire(second, 'deaf', { owner: `w${i}`, waitMs: 30_000 }));
      await eventually(async () => expect((await describeLock(first, 'deaf')).waiters).toHaveLength(3));
      await release(first, lease);
      for (let served = 0; served < 3; served += 1) {
        const { body } = await Promise.race(waiting.map(async (each) => each));
        expect(body.owner).toMatch(/^w/);
        await release(first, body);
        const done = (await Promise.all(waiting.map((each) => Promise.race([each, null])))).findIndex(
          (answer) => answer?.body.leaseId === body.leaseId,
        );
        waiting.splice(done, 1);
      }
    } finally {
      await stopAll(nodes);
      for (const proxy of proxies) await proxy.stop();
    }
  });
});
