import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, type NodeProcess, RedisServer, startNodes, stopAll } from '@syncline/testing';
import { acquire, call, describeLock, release } from './lock.calls.js';

describe('lock nodes whose Redis', () => {
  let redis: RedisServer;
  let nodes: NodeProcess[];
  const node = (i: number) => nodes[i % nodes.length] as NodeProcess;
  const ready = async (each: NodeProcess) => (await fetch(`${each.url}/health/ready`)).status;

  beforeEach(async () => {
    redis = await RedisServer.start();
    nodes = await startNodes('lock', 3, { redisUrl: redis.url });
  });
  afterEach(async () => {
    redis.thaw();
    await stopAll(nodes);
    await redis.stop();
  });

  it('stood still for 4 s serve the line in its order, and do not take each other for dead', async () => {
    /** As a client does: again with the same id, until it is served. */
    const stand = async (owner: string, through: NodeProcess) => {
      const body = { owner, waitMs: 60_000, leaseId: randomUUID() };
      for (;;) {
        const answer = await acquire(through, 'line', body);
        if (answer.status === 200) return answer.body;
        expect([answer.status, answer.body.code]).toEqual([503, 'store-unavailable']);
        await sleep(50);
      }
    };
    const { body: held } = await acquire(node(0), 'line', { owner: 'holder', ttlMs: 600_000 });
    const line: Promise<{ owner: string; leaseId: string; name: string; fencingToken: string }>[] = [];
    for (const i of [0, 1, 2]) {
      line.push(stand(`w${i}`, node(i)));
      await eventually(async () => expect((await describeLock(node(0), 'line')).waiters).toHaveLength(i + 1));
    }
    const { body: before } = await call(node(0), 'GET', 'cluster');
    redis.freeze();
    await sleep(4_000);
    redis.thaw();
    await eventually(
      async () => expect((await release(node(1), held)).body).toMatchObject({ released: true }),
      10_000,
    );
    const order: string[] = [];
    await Promise.all(
      line.map(async (each) => {
        const lease = await each;
        order.push(lease.owner);
        expect((await release(node(0), lease)).status).toBe(200);
      }),
    );
    expect(order).toEqual(['w0', 'w1', 'w2']);
    const { body: after } = await call(node(0), 'GET', 'cluster');
    expect(after.epoch).toBe(before.epoch);
  }, 60_000);

  it('is full keep leases and places, let go what is held, and stay ready', async () => {
    const { body: held } = await acquire(node(0), 'full', { owner: 'holder' });
    const waiting = acquire(node(1), 'full', { owner: 'waiter', waitMs: 60_000 });
    await eventually(async () => expect((await describeLock(node(0), 'full')).waiters).toHaveLength(1));
    const client = redis.connect();
    try {
      await client.call('CONFIG', 'SET', 'maxmemory', '1');
      const operations = [
        { op: 'acquire', name: 'new', owner: 'o' },
        { op: 'renew', name: 'full', leaseId: held.leaseId },
      ];
      const { body: batch } = await call(node(0), 'POST', 'locks/batch', { operations });
      expect(batch.results.map(({ status }: { status: number }) => status)).toEqual([503, 200]);
      expect(batch.results[0].body.code).toBe('store-unavailable');
      const refused = await acquire(node(0), 'new', { owner: 'o', waitMs: 5_000 });
      expect([refused.status, refused.retryAfter]).toEqual([503, '1']);
      // Longer than a silent node, or a waiting request whose node is silent, lives.
      await sleep(3_500);
      for (const each of nodes) expect(await ready(each)).toBe(200);
      expect((await describeLock(node(2), 'full')).waiters).toHaveLength(1);
      expect((await release(node(0), held)).body).toMatchObject({ released: true });
      expect((await waiting).status).toBe(200);
    } finally {
      await client.call('CONFIG', 'SET', 'maxmemory', '0');
      client.disconnect();
    }
    expect((await acquire(node(0), 'new', { owner: 'o' })).status).toBe(200);
  }, 60_000);
});
