import { eventually, NodeProcess, RedisServer, startNodes, stopAll } from '@syncline/testing';
import { acquire, call, describeLock, release } from './lock.calls.js';

const LEAP_MS = 3_700_000;
const HOUR = 3_600_000;

/** Tries to get a lock through every node until `end` is called, which returns how often it did. */
function grab(nodes: readonly NodeProcess[], name: string) {
  let running = true;
  const tries = nodes.map(async (node) => {
    let got = 0;
    while (running) if ((await acquire(node, name, { owner: 'thief' })).status === 200) got += 1;
    return got;
  });
  return async () => {
    running = false;
    return (await Promise.all(tries)).reduce((sum, got) => sum + got, 0);
  };
}

describe('lock nodes whose Redis has its clock set forward by an hour', () => {
  let redis: RedisServer;
  let nodes: NodeProcess[];

  beforeAll(async () => {
    redis = await RedisServer.start({ settableClock: true });
    nodes = await startNodes('lock', 2, { redisUrl: redis.url });
  });
  afterAll(async () => {
    await stopAll(nodes);
    await redis.stop();
  });

  it('end no lease, session or wait early, tell of it, and go on by the new clock', async () => {
    const [one, two] = nodes as [NodeProcess, NodeProcess];
    const { body: held } = await acquire(one, 'held', { owner: 'holder', ttlMs: HOUR });
    const permit = await call(two, 'POST', 'semaphores/permit/acquire', {
      owner: 'o',
      limit: 1,
      ttlMs: HOUR,
    });
    const { sessionId } = (await call(one, 'POST', 'sessions', { owner: 'o', ttlMs: 60_000 })).body;
    await acquire(one, 'in-session', { owner: 'o', sessionId });
    const next = acquire(two, 'held', { owner: 'next', waitMs: 60_000 });
    await eventually(async () => expect((await describeLock(one, 'held')).waiters).toHaveLength(1));
    await acquire(one, 'short', { owner: 'o', ttlMs: 5_000 });

    const thieves = ['in-session', 'held'].map((name) => grab(nodes, name));
    await redis.setClock(LEAP_MS);
    await Promise.all(
      nodes.map((node) => node.printed(/clock of Redis .* was set forward by 3[67]\d{5} ms/)),
    );
    const metrics = await Promise.all(nodes.map(async ({ url }) => (await fetch(`${url}/metrics`)).text()));
    for (const text of metrics) expect(text).toContain('redis_clock_steps_total 1\n');
    expect(await Promise.all(thieves.map((end) => end()))).toEqual([0, 0]);

    const renewed = await call(two, 'POST', 'locks/held/renew', { leaseId: held.leaseId });
    expect([renewed.status, renewed.body.fencingToken]).toEqual([200, held.fencingToken]);
    expect((await call(two, 'POST', `sessions/${sessionId}/keepalive`)).body).toMatchObject({ leases: 1 });
    const other = await call(one, 'POST', 'semaphores/permit/acquire', { owner: 'p', limit: 1 });
    expect([permit.status, other.status]).toEqual([200, 409]);
    expect((await release(one, held)).body).toMatchObject({ released: true });
    expect(await next).toMatchObject({ status: 200, body: { owner: 'next' } });
    expect((await acquire(two, 'short', { owner: 'p', waitMs: 10_000 })).status).toBe(200);
  });
});
