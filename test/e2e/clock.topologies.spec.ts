import {
  eventually,
  type NodeProcess,
  RedisCluster,
  RedisSentinels,
  type RedisServer,
  startNodes,
  stopAll,
} from '@syncline/testing';
import { acquire, call } from './lock.calls.js';

const HOUR = 3_600_000;
const AHEAD_MS = HOUR + 100_000;

/** Tries to get locks that others hold, through a node, until `end` is called, which returns those that it got. */
function grab(node: NodeProcess, names: readonly string[]) {
  const got: string[] = [];
  let running = true;
  const tries = (async () => {
    while (running) {
      const answers = await Promise.all(
        names.map(async (name) => [name, (await acquire(node, name, { owner: 'thief' })).status] as const),
      );
      got.push(...answers.filter(([, status]) => status === 200).map(([name]) => name));
    }
  })();
  return async () => {
    running = false;
    await tries;
    return got;
  };
}

/** Locks of an hour. @returns their leases by name */
async function hold(node: NodeProcess, names: readonly string[]) {
  const held = await Promise.all(
    names.map((name) =>
      eventually(async () => granted(await acquire(node, name, { owner: 'o', ttlMs: HOUR }))),
    ),
  );
  return new Map(names.map((name, i) => [name, held[i] as Granted]));
}

interface Granted {
  readonly leaseId: string;
  readonly fencingToken: string;
}
function granted({ status, body }: { status: number; body: Granted }): Granted {
  expect(status).toBe(200);
  return body;
}

/** All are still held. */
async function expectRenewed(node: NodeProcess, held: ReadonlyMap<string, Granted>): Promise<void> {
  const renew = ([name, { leaseId, fencingToken }]: [string, Granted]) =>
    eventually(async () => {
      const renewed = await call(node, 'POST', `locks/${name}/renew`, { leaseId });
      expect([name, renewed.status, renewed.body.fencingToken]).toEqual([name, 200, fencingToken]);
    });
  await Promise.all([...held].map(renew));
}

/** All are still held, and what is granted after their release has a larger token. */
async function expectHeld(node: NodeProcess, held: ReadonlyMap<string, Granted>): Promise<void> {
  await expectRenewed(node, held);
  const expectOne = async (name: string, { leaseId, fencingToken }: Granted) => {
    const released = await call(node, 'POST', `locks/${name}/release`, { leaseId });
    expect([name, released.body.released]).toEqual([name, true]);
    const next = granted(await acquire(node, name, { owner: 'next' }));
    expect(BigInt(next.fencingToken) > BigInt(fencingToken)).toBe(true);
    expect((await call(node, 'POST', `locks/${name}/verify`, { fencingToken })).body.valid).toBe(false);
    await call(node, 'POST', `locks/${name}/release`, { leaseId: next.leaseId });
  };
  await Promise.all([...held].map(([name, lease]) => expectOne(name, lease)));
}

const NAMES = Array.from({ length: 8 }, (_, i) => `held-${i}`);

describe('lock nodes on a Redis Cluster, of which one primary', () => {
  let redis: RedisCluster;
  let nodes: NodeProcess[] = [];

  beforeAll(async () => {
    redis = await RedisCluster.start({ settableClock: true });
    nodes = await startNodes('lock', 2, { redisUrl: redis.url });
  });
  afterAll(async () => {
    await stopAll(nodes);
    await redis.stop();
  });

  it('has its clock set forward by an hour, and back: no lease ends early, and tokens grow', async () => {
    const [one, two] = nodes as [NodeProcess, NodeProcess];
    const [server] = redis.servers as [RedisServer];
    const held = await hold(one, NAMES);
    const end = grab(two, NAMES);
    await server.setClock(AHEAD_MS);
    await Promise.all(nodes.map((node) => node.printed(/clock of Redis .* was set forward/)));
    expect(await end()).toEqual([]);
    await expectHeld(two, held);

    const heldAhead = await hold(two, NAMES);
    const endBack = grab(one, NAMES);
    await server.setClock(0);
    await expectRenewed(one, heldAhead);
    expect(await endBack()).toEqual([]);
    await expectHeld(one, heldAhead);
  });
});

describe('nodes behind sentinels that name a primary', () => {
  let redis: RedisSentinels;
  let nodes: NodeProcess[] = [];
  let caches: NodeProcess[] = [];

  beforeAll(async () => {
    redis = await RedisSentinels.start({ settableClock: true });
    nodes = await startNodes('lock', 2, { redisUrl: redis.url });
    caches = await startNodes('cache', 1, { redisUrl: redis.url });
  });
  afterAll(async () => {
    await stopAll([...nodes, ...caches]);
    await redis.stop();
  });

  /** Of the servers that are not the primary; until they follow it again. */
  async function setClocksOfReplicas(aheadMs: number): Promise<void> {
    const primary = await redis.primary();
    const replicas = redis.servers.filter((server) => server !== primary);
    await Promise.all(replicas.map((server) => server.setClock(aheadMs)));
    await eventually(async () => {
      for (const server of replicas) {
        const info = await redis.on(server, (client) => client.info('replication'));
        expect(info).toMatch(/^master_link_status:up/m);
      }
    });
  }

  it.each([
    ['is an hour ahead of the one before', AHEAD_MS],
    ['is an hour behind it', 0],
  ])('whose clock %s: no lease ends early, tokens and versions grow', async (_, aheadMs) => {
    const [one, two] = nodes as [NodeProcess, NodeProcess];
    const [cache] = caches as [NodeProcess];
    const put = async () => {
      const answer = await fetch(`${cache.url}/v1/caches/prices/entries/sku`, { method: 'PUT', body: '1' });
      expect(answer.ok).toBe(true);
      return BigInt(((await answer.json()) as { version: string }).version);
    };
    const version = await eventually(put);
    await setClocksOfReplicas(aheadMs);
    const held = await hold(one, NAMES);
    const end = grab(two, NAMES);
    await redis.failover();
    await eventually(async () => {
      expect((await acquire(one, 'after', { owner: 'o', ttlMs: 100 })).status).toBe(200);
    });
    expect(await end()).toEqual([]);
    await expectHeld(two, held);
    expect((await eventually(put)) > version).toBe(true);
  });
});
