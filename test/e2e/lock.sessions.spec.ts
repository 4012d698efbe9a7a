import type { Sessions } from '@syncline/contracts';
import { eventually, NodeProcess, RedisServer } from '@syncline/testing';
import { acquire, call, release } from './lock.calls.js';

describe('a session that is kept alive', () => {
  let redis: RedisServer;
  let node: NodeProcess;
  const open = async (ttlMs = 30_000) =>
    (await call(node, 'POST', 'sessions', { owner: 'worker', ttlMs })).body.sessionId as string;
  const keep = async (sessionId: string) =>
    (await call(node, 'POST', `sessions/${sessionId}/keepalive`)).body;

  beforeAll(async () => {
    redis = await RedisServer.start();
    node = await NodeProcess.start('lock', { redisUrl: redis.url, nodeId: 'lock_1' });
  });
  afterAll(async () => {
    await node.stop();
    await redis.stop();
  });

  it('is told how many leases it has, and which were taken away from it, more than once', async () => {
    const sessionId = await open();
    const taken = (await acquire(node, 'taken', { owner: 'worker', sessionId })).body;
    const kept = (await acquire(node, 'kept', { owner: 'worker', sessionId })).body;
    const given = (await acquire(node, 'given', { owner: 'worker', sessionId })).body;
    expect(await keep(sessionId)).toEqual({
      sessionId,
      owner: 'worker',
      ttlMs: 30_000,
      expiresAt: expect.any(String),
      leases: 3,
      lost: [],
      durability: 'local',
    });
    await release(node, given);
    await call(node, 'DELETE', 'locks/taken');
    const lost = [{ name: 'taken', fencingToken: taken.fencingToken }];
    // The answer to a keep-alive may itself be lost.
    expect(await keep(sessionId)).toMatchObject({ leases: 1, lost });
    expect(await keep(sessionId)).toMatchObject({ leases: 1, lost });
    expect(kept.fencingToken).not.toBe(taken.fencingToken);
    await call(node, 'DELETE', `sessions/${sessionId}`);
    const client = redis.connect();
    expect(await client.keys(`*${sessionId}*`)).toEqual([]);
    client.disconnect();
  });

  it('is listed while it lives, by the beginning of its owner, in pages', async () => {
    const list = async (query: string) => (await call(node, 'GET', `sessions?${query}`)).body;
    const opened = new Map<string, string>();
    for (let i = 0; i < 150; i += 1) {
      const owner = `ü/${i}`;
      opened.set((await call(node, 'POST', 'sessions', { owner, ttlMs: 60_000 })).body.sessionId, owner);
    }
    const short = await open(100);
    const found = new Map<string, string>();
    for (let cursor: string | null = ''; cursor !== null; ) {
      const page: Sessions = await list(`prefix=%C3%BC/&limit=20${cursor === '' ? '' : `&cursor=${cursor}`}`);
      expect(page.sessions.length).toBeLessThanOrEqual(20);
      for (const { sessionId, owner } of page.sessions) found.set(sessionId, owner);
      cursor = page.cursor;
    }
    expect(found).toEqual(opened);
    await eventually(async () => {
      const { sessions } = await list('limit=1000');
      expect(sessions.map(({ sessionId }: { sessionId: string }) => sessionId)).not.toContain(short);
    });
    const [[first = '', owner] = []] = opened;
    const { sessions } = await list(`prefix=${encodeURIComponent(String(owner))}`);
    const alike = [...opened.values()].filter((each) => each.startsWith(String(owner)));
    expect(sessions).toHaveLength(alike.length);
    expect(sessions).toContainEqual({
      sessionId: first,
      owner,
      ttlMs: 60_000,
      expiresAt: expect.any(String),
    });
    expect((await call(node, 'GET', 'sessions?cursor=x')).status).toBe(400);
    await Promise.all([...opened.keys()].map((id) => call(node, 'DELETE', `sessions/${id}`)));
  });

  it('counts no request that still waits as a lease', async () => {
    const sessionId = await open();
    await acquire(node, 'busy', { owner: 'other' });
    const waiting = acquire(node, 'busy', { owner: 'worker', sessionId, waitMs: 1_000 });
    expect(await keep(sessionId)).toMatchObject({ leases: 0, lost: [] });
    expect((await waiting).body.code).toBe('wait-timeout');
    expect(await keep(sessionId)).toMatchObject({ leases: 0, lost: [] });
  });

  it('forgets what it told of for two of its lengths', async () => {
    const sessionId = await open(400);
    await acquire(node, 'short', { owner: 'worker', sessionId });
    await call(node, 'DELETE', 'locks/short');
    let tellings = 0;
    for (let answer = await keep(sessionId); answer.lost.length > 0; answer = await keep(sessionId)) {
      tellings += 1;
      expect(answer.lost).toHaveLength(1);
    }
    expect(tellings).toBeGreaterThan(0);
  });

  it('holds sets of locks, with their metadata', async () => {
    const sessionId = await open();
    const { status, body } = await call(node, 'POST', 'locks/acquire', {
      locks: [{ name: 'pair/1' }, { name: 'pair/2', mode: 'shared' }],
      owner: 'worker',
      sessionId,
      metadata: { job: 'x' },
    });
    expect(status).toBe(200);
    expect(body.leases).toMatchObject([
      { name: 'pair/1', ttlMs: 30_000, metadata: { job: 'x' } },
      { name: 'pair/2', mode: 'shared', metadata: { job: 'x' } },
    ]);
    expect(await keep(sessionId)).toMatchObject({ leases: 2 });
    await call(node, 'DELETE', `sessions/${sessionId}`);
    expect((await call(node, 'GET', 'locks/pair%2F1')).body.mode).toBe('free');
  });
});
