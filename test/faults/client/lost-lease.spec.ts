import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Lease, LeaseLostError, LockClient } from '@syncline/client';
import { eventually, type NodeProcess, RedisServer, startNodes, stopAll, TcpProxy } from '@syncline/testing';

/**
 * A holder learns that its lease is lost before `ttlMs` has passed on its own monotonic clock since its last successful
 * request was sent, under any fault of Redis, the nodes or the network.
 */
const TTL_MS = 2_000;
const HOLDERS = 20;

let redis: RedisServer;
let nodes: NodeProcess[];

beforeAll(async () => {
  redis = await RedisServer.start();
  nodes = await startNodes('lock', 2, { redisUrl: redis.url });
});
afterAll(async () => {
  redis?.thaw();
  for (const node of nodes ?? []) node.thaw();
  await stopAll(nodes ?? []);
  await redis?.stop();
});

/** A client that uses plain requests, like one that makes few calls, or a call stream. */
async function connect(way: Way, urls: readonly string[]): Promise<LockClient> {
  const client = new LockClient({ urls });
  if (way === 'over a call stream') {
    const streams = async () => {
      const metrics = await Promise.all(nodes.map(async ({ url }) => (await fetch(`${url}/metrics`)).text()));
      return metrics.reduce((sum, text) => sum + Number(/^call_streams (\d+)$/m.exec(text)?.[1]), 0);
    };
    await eventually(async () => expect(await streams()).toBe(0));
    await eventually(async () => {
      await (await client.acquire('warm-up')).release();
      expect(await streams()).toBe(1);
    });
  }
  return client;
}
const WAYS = ['by requests', 'over a call stream'] as const;
type Way = (typeof WAYS)[number];

const lossOf = async (lease: Lease): Promise<unknown> => {
  if (!lease.signal.aborted) await once(lease.signal, 'abort');
  return lease.signal.reason;
};

/**
 * Breaks something under holders that have renewed at least once; each must notice the loss in time. Requests after
 * `brokenAt` have no effect, so no lease can last longer than `ttlMs` after it. The timers of one process fire in the order
 * of their due times, even when a busy machine delays them, so a loss that is due in time is reported before this timer.
 */
async function expectLossInTime(client: LockClient, name: string, breakIt: () => void): Promise<void> {
  const leases = await Promise.all(
    Array.from({ length: HOLDERS }, (_, i) => client.acquire(`${name}-${i}`, { ttlMs: TTL_MS })),
  );
  await sleep(TTL_MS * 1.2);
  expect(leases.every((lease) => lease.isHeld && !lease.signal.aborted)).toBe(true);
  const losses = leases.map(lossOf);
  breakIt();
  await sleep(TTL_MS);
  expect(leases.filter(({ signal }) => !signal.aborted)).toEqual([]);
  for (const reason of await Promise.all(losses)) expect(reason).toBeInstanceOf(LeaseLostError);
  expect(leases.every(({ remainingMs }) => remainingMs === 0)).toBe(true);
}

describe.each(WAYS)('%s, a holder notices the loss of its lease in time', (way) => {
  it('when Redis freezes', async () => {
    await using client = await connect(
      way,
      nodes.map(({ url }) => url),
    );
    await expectLossInTime(client, 'redis', () => redis.freeze());
    redis.thaw();
  });

  it('when every node freezes', async () => {
    await using client = await connect(
      way,
      nodes.map(({ url }) => url),
    );
    await expectLossInTime(client, 'nodes', () => {
      for (const node of nodes) node.freeze();
    });
    for (const node of nodes) node.thaw();
  });

  it.each(['requests', 'replies'] as const)('when the network holds back the %s', async (direction) => {
    const cable = await TcpProxy.start(Number(new URL((nodes[0] as NodeProcess).url).port));
    await using client = await connect(way, [cable.url.replace('redis:', 'http:')]);
    // With held-back replies the renewals still have their effect, but the loss is reported all the same.
    await expectLossInTime(client, direction, () => cable.hold(direction));
    cable.heal();
    await cable.stop();
  });

  it('before Redis grants the lock to the next waiter', async () => {
    const cable = await TcpProxy.start(Number(new URL((nodes[0] as NodeProcess).url).port));
    await using cut = await connect(way, [cable.url.replace('redis:', 'http:')]);
    await using other = new LockClient({ urls: [(nodes[1] as NodeProcess).url] });
    const lease = await cut.acquire('handed-over', { ttlMs: TTL_MS });
    const next = other.acquire('handed-over', { waitMs: 60_000 }).then((granted) => {
      // Reads `isHeld` instead of waiting for the signal: on a busy machine an answer may be handled before a due timer.
      expect(lease.isHeld).toBe(false);
      return granted;
    });
    const loss = lossOf(lease);
    await sleep(TTL_MS);
    cable.hold('requests', 'replies');
    const [granted] = await Promise.all([next, loss]);
    await granted.release();
    cable.heal();
    await cable.stop();
  });
});

describe.each(WAYS)('%s, a holder keeps its lease', (way) => {
  it('when its node freezes, because another node renews', async () => {
    await using client = await connect(
      way,
      nodes.map(({ url }) => url),
    );
    const leases = await Promise.all(
      Array.from({ length: HOLDERS }, (_, i) => client.acquire(`kept-${i}`, { ttlMs: 3_000 })),
    );
    const [frozen] = nodes as [NodeProcess];
    frozen.freeze();
    await sleep(6_500);
    expect(leases.filter(({ isHeld }) => isHeld)).toHaveLength(HOLDERS);
    frozen.thaw();
    await Promise.all(leases.map((lease) => lease.release()));
  });

  it('when the network loses a connection', async () => {
    const cable = await TcpProxy.start(Number(new URL((nodes[0] as NodeProcess).url).port));
    await using client = await connect(way, [cable.url.replace('redis:', 'http:')]);
    const lease = await client.acquire('reconnected', { ttlMs: TTL_MS });
    for (let i = 0; i < 12; i++) {
      cable.cut();
      await sleep(250);
    }
    expect(lease.isHeld).toBe(true);
    await lease.release();
    await cable.stop();
  });
});

describe.each(WAYS)('%s, a waiter', (way) => {
  it('continues to wait at another node when its node freezes', async () => {
    await using client = await connect(
      way,
      nodes.map(({ url }) => url),
    );
    await using holder = new LockClient({ urls: [(nodes[1] as NodeProcess).url] });
    const held = await Promise.all(Array.from({ length: 4 }, (_, i) => holder.acquire(`parked-${i}`)));
    const waiting = held.map(({ name }) => client.acquire(name, { waitMs: 60_000 }));
    await sleep(300);
    const [frozen] = nodes as [NodeProcess];
    frozen.freeze();
    await Promise.all(held.map((lease) => lease.release()));
    for (const lease of await Promise.all(waiting)) await lease.release();
    frozen.thaw();
  });
});
