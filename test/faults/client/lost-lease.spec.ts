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

/** Two clients side by side: one that makes plain requests, as one of few calls does, and one that has opened a call stream. */
class Clients {
  private constructor(readonly byWay: Readonly<Record<Way, LockClient>>) {}

  static async connect(urls: readonly string[]): Promise<Clients> {
    const streaming = new LockClient({ urls });
    await eventually(async () => expect(await openStreams()).toBe(0));
    await eventually(async () => {
      await (await streaming.acquire('warm-up')).release();
      expect(await openStreams()).toBe(1);
    });
    return new Clients({ requests: new LockClient({ urls }), stream: streaming });
  }

  /** What a test does in each way, at the same time. */
  each<T>(act: (client: LockClient, way: Way) => Promise<T>): Promise<T[]> {
    return Promise.all(WAYS.map((way) => act(this.byWay[way], way)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.each((client) => client.close());
  }
}
const WAYS = ['requests', 'stream'] as const;
type Way = (typeof WAYS)[number];

async function openStreams(): Promise<number> {
  const metrics = await Promise.all(nodes.map(async ({ url }) => (await fetch(`${url}/metrics`)).text()));
  return metrics.reduce((sum, text) => sum + Number(/^call_streams (\d+)$/m.exec(text)?.[1]), 0);
}

const connect = () => Clients.connect(nodes.map(({ url }) => url));

/** Clients that reach one node by a cable. */
async function connectByCable(): Promise<{ cable: TcpProxy; clients: Clients }> {
  const cable = await TcpProxy.start(Number(new URL((nodes[0] as NodeProcess).url).port));
  return { cable, clients: await Clients.connect([cable.url.replace('redis:', 'http:')]) };
}

const lossOf = async (lease: Lease): Promise<unknown> => {
  if (!lease.signal.aborted) await once(lease.signal, 'abort');
  return lease.signal.reason;
};

/**
 * Breaks something under holders that have renewed at least once; each must notice the loss in time. Requests after
 * `breakIt` have no effect, so no lease can last longer than `ttlMs` after it. The timers of one process fire in the order
 * of their due times, even when a busy machine delays them, so a loss that is due in time is reported before this timer.
 */
async function expectLossInTime(clients: Clients, name: string, breakIt: () => void): Promise<void> {
  const held = await clients.each((client, way) =>
    Promise.all(
      Array.from({ length: HOLDERS }, (_, i) => client.acquire(`${name}-${way}-${i}`, { ttlMs: TTL_MS })),
    ),
  );
  const leases = held.flat();
  await sleep(TTL_MS * 1.2);
  expect(leases.every((lease) => lease.isHeld && !lease.signal.aborted)).toBe(true);
  const losses = leases.map(lossOf);
  breakIt();
  await sleep(TTL_MS);
  expect(leases.filter(({ signal }) => !signal.aborted)).toEqual([]);
  for (const reason of await Promise.all(losses)) expect(reason).toBeInstanceOf(LeaseLostError);
  expect(leases.every(({ remainingMs }) => remainingMs === 0)).toBe(true);
}

describe('by requests and over a call stream, a holder notices the loss of its lease in time', () => {
  it('when Redis freezes', async () => {
    await using clients = await connect();
    await expectLossInTime(clients, 'redis', () => redis.freeze());
    redis.thaw();
  });

  it('when every node freezes', async () => {
    await using clients = await connect();
    await expectLossInTime(clients, 'nodes', () => {
      for (const node of nodes) node.freeze();
    });
    for (const node of nodes) node.thaw();
  });

  it.each(['requests', 'replies'] as const)('when the network holds back the %s', async (direction) => {
    const { cable, clients } = await connectByCable();
    // With held-back replies the renewals still have their effect, but the loss is reported all the same.
    await expectLossInTime(clients, direction, () => cable.hold(direction));
    cable.heal();
    await clients[Symbol.asyncDispose]();
    await cable.stop();
  });

  it('before Redis grants the lock to the next waiter', async () => {
    const { cable, clients } = await connectByCable();
    await using other = new LockClient({ urls: [(nodes[1] as NodeProcess).url] });
    const handedOver = await clients.each(async (cut, way) => {
      const lease = await cut.acquire(`handed-over-${way}`, { ttlMs: TTL_MS });
      const next = other.acquire(lease.name, { waitMs: 60_000 }).then((granted) => {
        // Reads `isHeld` instead of waiting for the signal: on a busy machine an answer may be handled before a due timer.
        expect(lease.isHeld).toBe(false);
        return granted;
      });
      return { next, loss: lossOf(lease) };
    });
    await sleep(TTL_MS);
    cable.hold('requests', 'replies');
    for (const { next, loss } of handedOver) {
      const [granted] = await Promise.all([next, loss]);
      await granted.release();
    }
    cable.heal();
    await clients[Symbol.asyncDispose]();
    await cable.stop();
  });
});

describe('by requests and over a call stream, a holder keeps its lease', () => {
  it('when its node freezes, because another node renews', async () => {
    await using clients = await connect();
    const held = await clients.each((client, way) =>
      Promise.all(
        Array.from({ length: HOLDERS }, (_, i) => client.acquire(`kept-${way}-${i}`, { ttlMs: 3_000 })),
      ),
    );
    const leases = held.flat();
    const [frozen] = nodes as [NodeProcess];
    frozen.freeze();
    await sleep(6_500);
    expect(leases.filter(({ isHeld }) => isHeld)).toHaveLength(leases.length);
    frozen.thaw();
    await Promise.all(leases.map((lease) => lease.release()));
  });

  it('when the network loses a connection', async () => {
    const { cable, clients } = await connectByCable();
    const leases = await clients.each((client, way) =>
      client.acquire(`reconnected-${way}`, { ttlMs: TTL_MS }),
    );
    for (let i = 0; i < 12; i++) {
      cable.cut();
      await sleep(250);
    }
    expect(leases.every(({ isHeld }) => isHeld)).toBe(true);
    await Promise.all(leases.map((lease) => lease.release()));
    await clients[Symbol.asyncDispose]();
    await cable.stop();
  });
});

describe('by requests and over a call stream, a waiter', () => {
  it('continues to wait at another node when its node freezes', async () => {
    await using clients = await connect();
    await using holder = new LockClient({ urls: [(nodes[1] as NodeProcess).url] });
    const held = await Promise.all(
      WAYS.flatMap((way) => Array.from({ length: 4 }, (_, i) => holder.acquire(`parked-${way}-${i}`))),
    );
    const waiting = await clients.each(async (client, way) => {
      const names = held.map(({ name }) => name).filter((name) => name.startsWith(`parked-${way}`));
      return names.map((name) => client.acquire(name, { waitMs: 60_000 }));
    });
    await sleep(300);
    const [frozen] = nodes as [NodeProcess];
    frozen.freeze();
    await Promise.all(held.map((lease) => lease.release()));
    for (const lease of await Promise.all(waiting.flat())) await lease.release();
    frozen.thaw();
  });
});
