import { randomUUID } from 'node:crypto';
import { eventually, NodeProcess, RedisServer } from '@syncline/testing';
import { acquire, call, describeLock, release, shown } from './lock.calls.js';

describe('the right to a lease', () => {
  let redis: RedisServer;
  let node: NodeProcess;
  const metadata = { secret: 'x' };

  beforeAll(async () => {
    redis = await RedisServer.start();
    node = await NodeProcess.start('lock', { redisUrl: redis.url, nodeId: 'lock_1' });
  });
  afterAll(async () => {
    await node.stop();
    await redis.stop();
  });

  it('is told to nobody but its holder: not by a refusal, a lock, a list, a semaphore or a session', async () => {
    const { body: session } = await call(node, 'POST', 'sessions', { owner: 'me' });
    const { sessionId } = session;
    const { body: lease } = await acquire(node, 'secret', { owner: 'me', metadata, sessionId });
    const { body: permit } = await call(node, 'POST', 'semaphores/secret/acquire', {
      owner: 'me',
      limit: 1,
      metadata,
    });
    const answers = await Promise.all([
      acquire(node, 'secret', { owner: 'you' }),
      call(node, 'POST', 'semaphores/secret/acquire', { owner: 'you', limit: 1 }),
      call(node, 'POST', 'locks/acquire', { locks: [{ name: 'secret' }], owner: 'you' }),
      call(node, 'POST', 'locks/batch', { operations: [{ op: 'acquire', name: 'secret', owner: 'you' }] }),
      call(node, 'GET', 'locks/secret'),
      call(node, 'GET', 'locks?prefix=secret'),
      call(node, 'GET', 'semaphores/secret'),
      call(node, 'GET', `sessions/${sessionId}`),
    ]);
    for (const { body } of answers) {
      const text = JSON.stringify(body);
      expect(text).toContain('"owner":"me"');
      expect(text).not.toContain(lease.leaseId);
      expect(text).not.toContain(permit.leaseId);
      expect(text).not.toContain('leaseId');
    }
    for (const { body } of answers.slice(0, 4)) expect(JSON.stringify(body)).not.toContain('metadata');
    expect(answers[7]?.body.leases).toEqual([shown(lease)]);
  });

  it('is not bought by many holders: a refusal shows ten of them', async () => {
    await Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        acquire(node, 'many', { owner: `r${i}`, mode: 'shared', metadata: { fat: 'x'.repeat(4_000) } }),
      ),
    );
    const { status, body } = await acquire(node, 'many', { owner: 'w' });
    expect([status, body.code, body.holders.length]).toEqual([409, 'lock-held', 10]);
    const set = await call(node, 'POST', 'locks/acquire', {
      locks: [{ name: 'many' }, { name: 'many-2' }],
      owner: 'w',
    });
    expect(set.body.holders).toHaveLength(10);
    const batch = await call(node, 'POST', 'locks/batch', {
      operations: Array.from({ length: 512 }, () => ({ op: 'acquire', name: 'many', owner: 'w' })),
    });
    expect(JSON.stringify(batch.body).length).toBeLessThan(8 * 1_048_576);
    expect(batch.body.results).toHaveLength(512);
    expect((await describeLock(node, 'many')).holders).toHaveLength(12);
  });

  it('is one request: the same lease id from another owner, or in another mode, is refused', async () => {
    const leaseId = randomUUID();
    await acquire(node, 'mine', { owner: 'me', leaseId });
    for (const body of [
      { owner: 'you', leaseId },
      { owner: 'you', leaseId, waitMs: 5_000 },
      { owner: 'me', leaseId, mode: 'shared' },
    ]) {
      const answer = await acquire(node, 'mine', body);
      expect([answer.status, answer.body.code]).toEqual([409, 'lease-mismatch']);
    }
    expect((await acquire(node, 'mine', { owner: 'me', leaseId })).status).toBe(200);

    const waiting = { owner: 'w', leaseId: randomUUID(), waitMs: 20_000 };
    const parked = acquire(node, 'mine', waiting);
    await eventually(async () => expect((await describeLock(node, 'mine')).waiters).toHaveLength(1));
    for (const other of [
      { ...waiting, owner: 'thief' },
      { ...waiting, mode: 'shared' },
    ]) {
      expect((await acquire(node, 'mine', other)).body.code).toBe('lease-mismatch');
    }
    await release(node, { name: 'mine', leaseId });
    expect((await parked).status).toBe(200);

    const permits = { owner: 'me', leaseId: randomUUID(), limit: 5, permits: 2 };
    const take = (body: object) => call(node, 'POST', 'semaphores/mine/acquire', body);
    expect((await take(permits)).status).toBe(200);
    expect((await take({ ...permits, permits: 3 })).body.code).toBe('lease-mismatch');
    expect((await take({ ...permits, owner: 'you' })).body.code).toBe('lease-mismatch');
    const set = { owner: 'me', leaseId: randomUUID(), locks: [{ name: 'set-1' }, { name: 'set-2' }] };
    expect((await call(node, 'POST', 'locks/acquire', set)).status).toBe(200);
    expect((await call(node, 'POST', 'locks/acquire', { ...set, owner: 'you' })).body.code).toBe(
      'lease-mismatch',
    );
  });

  it('compares without case, as the id of a session does', async () => {
    const leaseId = randomUUID();
    const { body: lease } = await acquire(node, 'case', { owner: 'me', leaseId: leaseId.toUpperCase() });
    expect((await acquire(node, 'case', { owner: 'me', leaseId })).body).toEqual(lease);
    const renewed = await call(node, 'POST', 'locks/case/renew', { leaseId: leaseId.toUpperCase() });
    expect(renewed.body.fencingToken).toBe(lease.fencingToken);
    const { body: session } = await call(node, 'POST', 'sessions', { owner: 'me' });
    const sessionId = session.sessionId.toUpperCase();
    expect((await call(node, 'POST', `sessions/${sessionId}/keepalive`)).status).toBe(200);
    expect((await acquire(node, 'case-2', { owner: 'me', sessionId })).status).toBe(200);
    const { body: shownSession } = await call(node, 'GET', `sessions/${session.sessionId}`);
    expect(shownSession.leases).toHaveLength(1);
    const upper = { name: 'case', leaseId: leaseId.toUpperCase() };
    expect((await release(node, upper)).body).toMatchObject({ released: true });
    expect((await call(node, 'DELETE', `sessions/${sessionId}`)).status).toBe(204);
  });

  it('has a name that survives a path: "." and ".." are refused, wherever names are', async () => {
    for (const name of ['.', '..']) {
      for (const body of [
        { locks: [{ name }], owner: 'me' },
        { locks: [{ name: 'a' }, { name }], owner: 'me' },
      ]) {
        expect((await call(node, 'POST', 'locks/acquire', body)).body.code).toBe('validation-failed');
      }
      const batch = await call(node, 'POST', 'locks/batch', {
        operations: [{ op: 'acquire', name, owner: 'me' }],
      });
      expect(batch.body.results[0].status).toBe(400);
    }
    const { status } = await call(node, 'POST', 'locks/acquire', { locks: [{ name: '...' }], owner: 'me' });
    expect(status).toBe(200);
  });
});
