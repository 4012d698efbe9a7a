import { eventually, NodeProcess, RedisServer, startNodes, stopAll, TcpProxy } from '@syncline/testing';
import { acquire, call, describeLock, release } from './lock.calls.js';

type Answer = Awaited<ReturnType<typeof call>>;

const ok = async (answer: Promise<Answer>) => {
  const { status, body } = await answer;
  expect([status, body]).toEqual([200, expect.anything()]);
  return body;
};
/** What comes of a call once Redis is back. */
const whenBack = (send: () => Promise<Answer>): Promise<Answer> =>
  eventually(async () => {
    const answer = await send();
    expect(answer.status).not.toBe(503);
    return answer;
  });
/** Tries to get a lock through every node, again and again, until `done`: returns the owners that got it. */
function grab(nodes: readonly NodeProcess[], name: string) {
  const got: string[] = [];
  let running = true;
  const tries = nodes.map(async (node, i) => {
    while (running) {
      const { status } = await acquire(node, name, { owner: `thief${i}` });
      if (status === 200) got.push(`thief${i}`);
    }
  });
  return {
    async end(): Promise<string[]> {
      running = false;
      await Promise.all(tries);
      return got;
    },
  };
}

describe('the leases of lock nodes whose Redis lost all data', () => {
  let redis: RedisServer;
  let nodes: NodeProcess[];
  const node = (i: number) => nodes[i] as NodeProcess;

  beforeEach(async () => {
    redis = await RedisServer.start();
    nodes = await startNodes('lock', 2, { redisUrl: redis.url });
  });
  afterEach(async () => {
    await stopAll(nodes);
    await redis.stop();
  });

  it('pass to nobody else, are renewed and released, and the line keeps its order', async () => {
    const held = await ok(acquire(node(0), 'held', { owner: 'holder', ttlMs: 600_000 }));
    const shared = await Promise.all(
      [0, 1].map((i) =>
        ok(acquire(node(i), 'shared', { owner: `reader${i}`, mode: 'shared', ttlMs: 600_000 })),
      ),
    );
    const permit = await ok(
      call(node(1), 'POST', 'semaphores/permits/acquire', { owner: 'o', limit: 1, ttlMs: 600_000 }),
    );
    const released = await ok(acquire(node(0), 'released', { owner: 'o', ttlMs: 600_000 }));
    await ok(release(node(1), released));
    const order: string[] = [];
    const line: Promise<unknown>[] = [];
    for (const i of [0, 1, 0, 1]) {
      const owner = `w${line.length}`;
      const request = acquire(node(i), 'held', { owner, waitMs: 60_000, ttlMs: 60_000 }).then(
        async (answer) => {
          order.push(owner);
          await ok(release(node(0), (await ok(Promise.resolve(answer))) as never));
        },
      );
      line.push(request);
      await eventually(async () =>
        expect((await describeLock(node(0), 'held')).waiters).toHaveLength(line.length),
      );
    }

    const thieves = [grab(nodes, 'held'), grab(nodes, 'shared')];
    await redis.kill();
    await redis.restart();

    const renewed = await whenBack(() =>
      call(node(1), 'POST', 'locks/held/renew', { leaseId: held.leaseId, ttlMs: 600_000 }),
    );
    expect([renewed.status, renewed.body.fencingToken]).toEqual([200, held.fencingToken]);
    expect((await whenBack(() => acquire(node(0), 'released', { owner: 'next' }))).status).toBe(200);
    const { body } = await call(node(0), 'POST', 'semaphores/permits/acquire', { owner: 'p', limit: 1 });
    expect(body.code).toBe('lock-held');
    await ok(call(node(0), 'POST', 'semaphores/permits/release', { leaseId: permit.leaseId }));
    expect(
      (await describeLock(node(1), 'held')).waiters.map((each: { owner: string }) => each.owner),
    ).toEqual(['w0', 'w1', 'w2', 'w3']);
    expect(await Promise.all(thieves.map((each) => each.end()))).toEqual([[], []]);
    const verified = await ok(
      call(node(1), 'POST', 'locks/held/verify', { fencingToken: held.fencingToken }),
    );
    expect(verified).toEqual({ valid: true, currentToken: held.fencingToken });

    for (const each of shared) await ok(release(node(0), each));
    const writer = await ok(acquire(node(0), 'shared', { owner: 'writer' }));
    expect(Number(writer.fencingToken)).toBeGreaterThan(Math.max(...shared.map((each) => each.fencingToken)));
    await ok(release(node(1), held));
    await Promise.all(line);
    expect(order).toEqual(['w0', 'w1', 'w2', 'w3']);
  }, 60_000);

  it('hold though the other node died, and those of a session with it', async () => {
    const { body: session } = await call(node(0), 'POST', 'sessions', { owner: 'o', ttlMs: 60_000 });
    const { sessionId } = session;
    const held = await ok(acquire(node(0), 'held', { owner: 'o', sessionId }));
    const lost = await ok(acquire(node(1), 'lost', { owner: 'o', ttlMs: 600_000 }));
    await redis.kill();
    await node(1).kill();
    await redis.restart();
    const { status, body } = await whenBack(() => acquire(node(0), 'held', { owner: 'thief' }));
    expect([status, body.code]).toEqual([409, 'lock-held']);
    expect(await ok(call(node(0), 'POST', `sessions/${sessionId}/keepalive`))).toMatchObject({ leases: 1 });
    // Nobody knows it any more.
    expect((await release(node(0), lost)).status).toBe(410);
    await ok(release(node(0), held));
    await ok(acquire(node(0), 'held', { owner: 'next' }));
  }, 60_000);
});

describe('a lock node that stood still while Redis lost all data', () => {
  it('asserts what it holds as soon as it can', async () => {
    await using redis = await RedisServer.start();
    const nodes = await startNodes('lock', 2, { redisUrl: redis.url });
    const [one, two] = nodes as [NodeProcess, NodeProcess];
    try {
      const held = await ok(acquire(two, 'held', { owner: 'o', ttlMs: 600_000 }));
      two.freeze();
      await redis.kill();
      await redis.restart();
      expect((await whenBack(() => acquire(one, 'other', { owner: 'o' }))).status).toBe(200);
      two.thaw();
      await eventually(async () => expect((await describeLock(one, 'held')).holders).toHaveLength(1));
      await ok(release(one, held));
    } finally {
      two.thaw();
      await stopAll(nodes);
    }
  }, 60_000);
});

describe('the leases of lock nodes whose Redis fails over to a replica that is behind', () => {
  it('pass to nobody else; those that were released meanwhile do not come back', async () => {
    await using primary = await RedisServer.start();
    const link = await TcpProxy.start(primary.port);
    await using replica = await RedisServer.start({
      args: ['--replicaof', `127.0.0.1 ${new URL(link.url).port}`, '--repl-diskless-sync-delay', '0'],
    });
    const name = await TcpProxy.start(primary.port);
    const nodes = await Promise.all(
      ['lock_1', 'lock_2'].map((nodeId) => NodeProcess.start('lock', { redisUrl: name.url, nodeId })),
    );
    const [one, two] = nodes as [NodeProcess, NodeProcess];
    const admin = replica.connect();
    try {
      const released = await ok(acquire(one, 'released', { owner: 'o', ttlMs: 600_000 }));
      const handed = await ok(acquire(one, 'handed', { owner: 'first', ttlMs: 600_000 }));
      const renewed = await ok(acquire(one, 'renewed', { owner: 'o', ttlMs: 8_000 }));
      await eventually(async () => expect(await admin.exists('syncline:lock:{0}:l:l/renewed')).toBe(1));
      // From here on the replica hears nothing.
      link.hold('replies');
      await ok(call(two, 'POST', 'locks/renewed/renew', { leaseId: renewed.leaseId, ttlMs: 600_000 }));
      await ok(release(two, released));
      const next = acquire(two, 'handed', { owner: 'second', ttlMs: 600_000, waitMs: 60_000 });
      await eventually(async () => expect((await describeLock(one, 'handed')).waiters).toHaveLength(1));
      await ok(release(one, handed));
      const second = await ok(next);
      const held = await ok(acquire(one, 'held', { owner: 'o', ttlMs: 600_000 }));

      const thieves = ['held', 'handed', 'renewed'].map((each) => grab(nodes, each));
      await primary.kill();
      await admin.replicaof('NO', 'ONE');
      name.leadTo(replica.port);
      name.cut();

      expect((await whenBack(() => acquire(two, 'released', { owner: 'next' }))).status).toBe(200);
      for (const [lease, through] of [
        [held, two],
        [second, one],
        [renewed, one],
      ] as const) {
        const { status, body } = await call(through, 'POST', `locks/${lease.name}/renew`, {
          leaseId: lease.leaseId,
        });
        expect([status, body.fencingToken]).toEqual([200, lease.fencingToken]);
      }
      expect((await describeLock(one, 'handed')).holders).toMatchObject([{ owner: 'second' }]);
      // Past the end that the replica knows of.
      await eventually(async () => expect(Date.now()).toBeGreaterThan(Date.parse(renewed.expiresAt) + 500));
      expect(await Promise.all(thieves.map((each) => each.end()))).toEqual([[], [], []]);
      await ok(release(one, second));
      expect(Number((await ok(acquire(two, 'handed', { owner: 'third' }))).fencingToken)).toBeGreaterThan(
        Number(second.fencingToken),
      );
    } finally {
      admin.disconnect();
      await stopAll(nodes);
      await Promise.all([name.stop(), link.stop()]);
    }
  }, 60_000);
});
