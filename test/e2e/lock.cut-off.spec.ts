import { randomUUID } from 'node:crypto';
import { eventually, NodeProcess, RedisServer, startNodes, stopAll } from '@syncline/testing';
import WebSocket from 'ws';
import { type Answer, acquire, call, describeLock, release } from './lock.calls.js';

describe('a caller of a lock node that goes away', () => {
  let redis: RedisServer;
  let nodes: NodeProcess[];
  let one: NodeProcess;
  let two: NodeProcess;
  const owners = async (name: string) =>
    (await describeLock(one, name)).waiters.map(({ owner }: { owner: string }) => owner);
  const standing = (name: string, ...expected: string[]) =>
    eventually(async () => expect(await owners(name)).toEqual(expected));
  const free = (...names: string[]) =>
    eventually(async () => {
      for (const name of names) expect((await acquire(two, name, { owner: 'next' })).status).toBe(200);
    }, 10_000);

  beforeAll(async () => {
    redis = await RedisServer.start();
    nodes = await startNodes('lock', 2, { redisUrl: redis.url });
    [one, two] = nodes as [NodeProcess, NodeProcess];
  });
  afterAll(async () => {
    await stopAll(nodes);
    await redis.stop();
  });

  it('finds its place in the line when it was only cut off, through another node, too', async () => {
    const { body: held } = await acquire(one, 'cut', { owner: 'holder' });
    const wanted = { owner: 'cut', waitMs: 60_000, leaseId: randomUUID() };
    const cable = new AbortController();
    const cut = acquire(one, 'cut', wanted, cable.signal).catch(() => null);
    await standing('cut', 'cut');
    const behind = acquire(one, 'cut', { owner: 'behind', waitMs: 60_000 });
    await standing('cut', 'cut', 'behind');
    cable.abort();
    await cut;
    await standing('cut', 'behind');
    const back = acquire(two, 'cut', wanted);
    await standing('cut', 'cut', 'behind');
    await release(one, held);
    const { body } = await back;
    expect(body).toMatchObject({ owner: 'cut', leaseId: wanted.leaseId });
    await release(two, body);
    expect((await behind).status).toBe(200);
  });

  it('finds the lock that it was served with meanwhile', async () => {
    const { body: held } = await acquire(one, 'served', { owner: 'holder' });
    const wanted = { owner: 'cut', waitMs: 60_000, leaseId: randomUUID() };
    const cable = new AbortController();
    const cut = acquire(one, 'served', wanted, cable.signal).catch(() => null);
    await standing('served', 'cut');
    const behind = acquire(two, 'served', { owner: 'behind', waitMs: 60_000 });
    await standing('served', 'cut', 'behind');
    cable.abort();
    await cut;
    await standing('served', 'behind');
    await release(one, held);
    const { body } = await acquire(two, 'served', wanted);
    expect(body.owner).toBe('cut');
    await release(two, body);
    expect((await behind).body.owner).toBe('behind');
  });

  it('holds nobody up for more than 3 s when it stays away', async () => {
    const { body: held } = await acquire(one, 'away', { owner: 'holder' });
    const cable = new AbortController();
    const cut = Array.from({ length: 5 }, (_, i) =>
      acquire(one, 'away', { owner: `cut-${i}`, waitMs: 60_000, leaseId: randomUUID() }, cable.signal).catch(
        () => null,
      ),
    );
    await eventually(async () => expect(await owners('away')).toHaveLength(5));
    const next = acquire(two, 'away', { owner: 'next', waitMs: 60_000 });
    await eventually(async () => expect(await owners('away')).toHaveLength(6));
    cable.abort();
    await Promise.all(cut);
    await standing('away', 'next');
    const client = redis.connect();
    const time = await client.time();
    client.disconnect();
    const releasedAt = Number(time[0]) * 1_000 + Math.floor(Number(time[1]) / 1_000);
    await release(one, held);
    const { body } = await next;
    expect(body.owner).toBe('next');
    // By Redis' clock: it was free from the release on.
    expect(Date.parse(body.acquiredAt) - releasedAt).toBeLessThan(3_000);
  });

  it('keeps nothing of a batch that it was not told of', async () => {
    const { body: held } = await acquire(one, 'batch/busy', { owner: 'holder' });
    const gone = new AbortController();
    const operations = [
      { op: 'acquire', name: 'batch/a', owner: 'me' },
      { op: 'acquire', name: 'batch/b', owner: 'me', leaseId: randomUUID() },
      { op: 'acquire', name: 'batch/busy', owner: 'me', waitMs: 60_000 },
      ...Array.from({ length: 40 }, (_, i) => ({ op: 'acquire', name: `batch/more-${i}`, owner: 'me' })),
    ];
    const batch = call(one, 'POST', 'locks/batch', { operations }, gone.signal).catch(() => null);
    await standing('batch/busy', 'me');
    expect((await describeLock(one, 'batch/a')).mode).toBe('exclusive');
    gone.abort();
    await batch;
    await free('batch/a', 'batch/b', ...Array.from({ length: 40 }, (_, i) => `batch/more-${i}`));
    await standing('batch/busy');
    await release(one, held);
    await free('batch/busy');
  });

  it('keeps what it was told of', async () => {
    const operations = [
      { op: 'acquire', name: 'told/a', owner: 'me' },
      { op: 'acquire', name: 'told/b', owner: 'me', waitMs: 1_000 },
    ];
    await call(one, 'POST', 'locks/batch', { operations });
    await acquire(one, 'told/c', { owner: 'me' });
    for (const name of ['told/a', 'told/b', 'told/c']) {
      expect((await acquire(two, name, { owner: 'next' })).body.code).toBe('lock-held');
    }
  });

  it('may come back after its call stream broke; a release gives its place up at once', async () => {
    const { body: held } = await acquire(one, 'stream', { owner: 'holder' });
    const socket = new WebSocket(`${one.url.replace('http', 'ws')}/v1/calls`);
    await new Promise((resolve) => socket.once('open', resolve));
    const path = '/v1/locks/stream/acquire';
    const given = { owner: 'given up', waitMs: 60_000, leaseId: randomUUID() };
    const broken = { owner: 'broken', waitMs: 60_000, leaseId: randomUUID() };
    socket.send(JSON.stringify([{ id: 1, path, body: given }]));
    await standing('stream', 'given up');
    socket.send(JSON.stringify([{ id: 2, path, body: broken }]));
    await standing('stream', 'given up', 'broken');
    const last = acquire(two, 'stream', { owner: 'last', waitMs: 60_000 });
    await standing('stream', 'given up', 'broken', 'last');
    socket.send(JSON.stringify([{ id: 1, cancel: true }]));
    await standing('stream', 'broken', 'last');
    const giveUp = { name: 'stream', leaseId: given.leaseId };
    expect((await release(two, giveUp)).body).toMatchObject({ released: true });
    expect((await acquire(two, 'stream', given)).status).toBe(410);
    socket.terminate();
    await standing('stream', 'last');
    const back = acquire(two, 'stream', broken);
    await standing('stream', 'broken', 'last');
    await release(one, held);
    const { body: lease } = await back;
    expect(lease.owner).toBe('broken');
    await release(one, lease);
    expect((await last).status).toBe(200);
  });
});

describe('operations of a batch', () => {
  let redis: RedisServer;
  let node: NodeProcess;
  const run = (operations: unknown[]): Promise<Answer> => call(node, 'POST', 'locks/batch', { operations });

  beforeAll(async () => {
    redis = await RedisServer.start();
    node = await NodeProcess.start('lock', { redisUrl: redis.url, nodeId: 'lock_1' });
  });
  afterAll(async () => {
    await node.stop();
    await redis.stop();
  });

  it('are judged one by one, ill-formed ones too: each has its answer in its place', async () => {
    const good = (name: string) => ({ op: 'acquire', name, owner: 'me' });
    const bad = [
      { op: 'acquire', name: '\ud800', owner: 'me' },
      { op: 'acquire', name: 'x', owner: '\udfff' },
      { op: 'acquire', name: 'x' },
      { op: 'steal', name: 'x', owner: 'me' },
      { op: 'acquire', owner: 'me' },
      { op: 'release', name: 'x', leaseId: 'mine' },
      { op: 'acquire', name: 'x', owner: 'me', metadata: { fat: 'x'.repeat(5_000) } },
      { op: 'acquire', name: '..', owner: 'me' },
      null,
      7,
      'acquire',
      [],
      {},
    ];
    const operations = [good('first'), ...bad.flatMap((each, i) => [each, good(`good-${i}`)])];
    const { status, body } = await run(operations);
    expect([status, body.results.length]).toEqual([200, operations.length]);
    for (const [i, result] of body.results.entries()) {
      if (i % 2 === 0) expect(result).toMatchObject({ status: 200, body: { owner: 'me' } });
      else {
        expect(result).toMatchObject({
          status: 400,
          body: { code: 'validation-failed', errors: [expect.anything()], instance: '/v1/locks/batch' },
        });
      }
    }
    expect((await describeLock(node, 'x')).mode).toBe('free');
  });

  it('carry metadata of any text unharmed', async () => {
    const metadata = { '\ud800': ['\udfff', 'ü', '\u0000'], __proto__x: null };
    const { body } = await run([{ op: 'acquire', name: 'text', owner: 'me', metadata }]);
    expect(body.results[0].body.metadata).toEqual(metadata);
  });
});
