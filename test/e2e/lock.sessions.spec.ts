import { NodeProcess, RedisServer } from '@syncline/testing';
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
