import { eventually, NodeProcess, RedisServer } from '@syncline/testing';
import { call } from './lock.calls.js';

describe('the limit of a semaphore', () => {
  let redis: RedisServer;
  let node: NodeProcess;
  const take = (name: string, body: object) =>
    call(node, 'POST', `semaphores/${encodeURIComponent(name)}/acquire`, { owner: 'o', ...body });
  const give = (name: string, { leaseId }: { leaseId: string }) =>
    call(node, 'POST', `semaphores/${encodeURIComponent(name)}/release`, { leaseId });
  const put = (name: string, limit: number) =>
    call(node, 'PUT', `semaphores/${encodeURIComponent(name)}`, { limit });
  const show = async (name: string) => (await call(node, 'GET', `semaphores/${name}`)).body;

  beforeAll(async () => {
    redis = await RedisServer.start();
    node = await NodeProcess.start('lock', { redisUrl: redis.url, nodeId: 'lock_1' });
  });
  afterAll(async () => {
    await node.stop();
    await redis.stop();
  });

  it('that was configured stays when nobody uses it, and has no time to live', async () => {
    await put('kept', 2);
    const { body: lease } = await take('kept', {});
    expect(lease).toMatchObject({ limit: 2, permits: 1 });
    await give('kept', lease);
    expect(await show('kept')).toMatchObject({ limit: 2, used: 0, holders: [] });
    const client = redis.connect();
    expect(await client.pttl('syncline:lock:{0}:l:s/kept')).toBe(-1);
    client.disconnect();
    expect((await take('kept', { permits: 3 })).status).toBe(400);
  });

  it('that was configured wins over what callers say, those who run already included', async () => {
    const { body: first } = await take('wins', { limit: 1 });
    expect(first.limit).toBe(1);
    expect((await take('wins', { limit: 2 })).body.code).toBe('limit-mismatch');
    await put('wins', 3);
    const { status, body: second } = await take('wins', { limit: 1 });
    expect([status, second.limit]).toEqual([200, 3]);
    const renewed = await call(node, 'POST', 'semaphores/wins/renew', { leaseId: first.leaseId });
    expect(renewed.body.limit).toBe(3);
    const { body: third } = await take('wins', { limit: 7 });
    const waiting = take('wins', { owner: 'waiter', limit: 1, waitMs: 20_000 });
    await eventually(async () => expect((await show('wins')).waiters).toHaveLength(1));
    await put('wins', 4);
    expect(await waiting).toMatchObject({ status: 200, body: { limit: 4 } });
    await put('wins', 1);
    for (const lease of [first, second, third]) await give('wins', lease);
    expect((await take('wins', { limit: 4 })).body.code).toBe('lock-held');
  });

  it('is told in the list of those that are held or awaited, page by page and without locks', async () => {
    const { body: held } = await take('listed/a', { limit: 2, permits: 2 });
    await take('listed/b', { limit: 3 });
    await put('listed/idle', 1);
    await call(node, 'POST', 'locks/listed%2Flock/acquire', { owner: 'o' });
    const list = async (query: string) =>
      (await call(node, 'GET', `semaphores?prefix=listed/&${query}`)).body;
    const first = await list('limit=1');
    expect(first).toMatchObject({
      semaphores: [{ name: 'listed/a', limit: 2, used: 2 }],
      cursor: 'listed/a',
    });
    expect(first.semaphores[0].holders).toMatchObject([{ owner: 'o', permits: 2 }]);
    expect(first.semaphores[0].holders[0]).not.toHaveProperty('leaseId');
    const second = await list(`limit=5&cursor=${encodeURIComponent(first.cursor)}`);
    expect(second).toMatchObject({ semaphores: [{ name: 'listed/b', limit: 3, used: 1 }], cursor: null });
    const waiting = take('listed/a', { waitMs: 20_000 });
    await eventually(async () =>
      expect((await list('awaited=true')).semaphores).toMatchObject([
        { name: 'listed/a', waiters: [{ owner: 'o' }] },
      ]),
    );
    await give('listed/a', held);
    await waiting;
  });

  it('is forgotten by a delete, which takes the permits away and serves who waits', async () => {
    await put('gone', 1);
    const { body: lease } = await take('gone', {});
    const waiting = take('gone', { owner: 'waiter', limit: 1, waitMs: 20_000 });
    await eventually(async () => expect((await show('gone')).waiters).toHaveLength(1));
    const { status, body } = await call(node, 'DELETE', 'semaphores/gone', { reason: 'stuck' });
    expect([status, body]).toMatchObject([200, { revoked: [lease.leaseId] }]);
    const { body: next } = await waiting;
    expect(next.limit).toBe(1);
    expect((await give('gone', lease)).status).toBe(410);
    // In use it keeps its limit, which is one like any that a first caller set.
    expect((await take('gone', { limit: 5 })).body.code).toBe('limit-mismatch');
    await give('gone', next);
    expect((await take('gone', {})).status).toBe(400);
    expect((await take('gone', { limit: 5 })).body.limit).toBe(5);
    await put('idle', 9);
    expect((await call(node, 'DELETE', 'semaphores/idle')).body).toMatchObject({ revoked: [] });
    expect((await show('idle')).limit).toBeNull();
  });
});
