import { randomUUID } from 'node:crypto';
import { eventually, NodeProcess, RedisServer } from '@syncline/testing';
import request from 'supertest';
import { acquire, call, describeLock, refusedBy, release, shown } from './lock.calls.js';

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

describe('locks over HTTP', () => {
  let redis: RedisServer;
  let node: NodeProcess;
  const post = (path: string, body: object | string) =>
    request(node.url).post(`/v1/${path}`).set('Content-Type', 'application/json').send(body);

  beforeAll(async () => {
    redis = await RedisServer.start();
    node = await NodeProcess.start('lock', { redisUrl: redis.url, nodeId: 'lock_1' });
  });
  afterAll(async () => {
    await node.stop();
    await redis.stop();
  });

  it('answers an acquire with a lease of exactly the contract’s fields', async () => {
    const { body } = await post('locks/a/acquire', { owner: 'me' }).expect(200);
    expect(body).toEqual({
      name: 'a',
      leaseId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      owner: 'me',
      mode: 'exclusive',
      permits: 1,
      fencingToken: expect.stringMatching(/^\d{16}$/),
      ttlMs: 30_000,
      acquiredAt: expect.stringMatching(ISO),
      expiresAt: expect.stringMatching(ISO),
      waitedMs: 0,
      metadata: null,
      durability: 'local',
    });
    expect(Date.parse(body.expiresAt) - Date.parse(body.acquiredAt)).toBe(30_000);
  });

  it('takes names with every character that is allowed, percent-encoded', async () => {
    const name = 'A-z_0.9:/@{tag}';
    const { body } = await acquire(node, name, { owner: 'me' });
    expect(body.name).toBe(name);
    expect((await describeLock(node, name)).holders).toEqual([shown(body)]);
    expect((await release(node, body)).body).toMatchObject({ released: true });
  });

  it.each([
    ['no owner', {}, 'owner'],
    ['an empty owner', { owner: '' }, 'owner'],
    ['an unknown field', { owner: 'me', wait: 1 }, 'body'],
    ['a ttl that is too short', { owner: 'me', ttlMs: 99 }, 'ttlMs'],
    ['a ttl that is too long', { owner: 'me', ttlMs: 86_400_001 }, 'ttlMs'],
    ['a wait that is too long', { owner: 'me', waitMs: 600_001 }, 'waitMs'],
    ['a negative wait', { owner: 'me', waitMs: -1 }, 'waitMs'],
    ['half a millisecond', { owner: 'me', waitMs: 0.5 }, 'waitMs'],
    ['a lease id that is no UUID', { owner: 'me', leaseId: 'mine' }, 'leaseId'],
    ['a mode that is none', { owner: 'me', mode: 'mine' }, 'mode'],
    ['metadata that are too large', { owner: 'me', metadata: { x: 'x'.repeat(4_096) } }, 'metadata'],
  ])('refuses %s', async (_what, body, path) => {
    const answer = await acquire(node, 'bad', body);
    expect(answer.status).toBe(400);
    expect(answer.body.code).toBe('validation-failed');
    expect(answer.body.errors.map((error: { path: string }) => error.path)).toContain(path);
  });

  it('refuses bad names and bad JSON', async () => {
    for (const name of ['a b', 'ä', 'x'.repeat(257)]) {
      expect((await acquire(node, name, { owner: 'me' })).body.code).toBe('validation-failed');
    }
    await post('locks/a/acquire', '{"owner":').expect(400);
  });

  it('answers lock-held with the holders and the number of waiters', async () => {
    const { body: lease } = await acquire(node, 'held', { owner: 'me', metadata: { why: 'test' } });
    const waiting = acquire(node, 'held', { owner: 'you', waitMs: 5_000 });
    await eventually(async () => expect((await describeLock(node, 'held')).waiters).toHaveLength(1));
    const { status, body } = await acquire(node, 'held', { owner: 'they' });
    expect([status, body.code]).toEqual([409, 'lock-held']);
    expect(body).toMatchObject({ waiters: 1 });
    expect(body.holders).toEqual([refusedBy(lease)]);
    expect(await describeLock(node, 'held')).toEqual({
      name: 'held',
      mode: 'exclusive',
      holders: [shown(lease)],
      waiters: [{ owner: 'you', mode: 'exclusive', position: 1, waitingSince: expect.stringMatching(ISO) }],
      currentToken: lease.fencingToken,
    });
    await release(node, lease);
    const { body: next } = await waiting;
    expect(next.waitedMs).toBeGreaterThan(0);
    expect(BigInt(next.fencingToken)).toBeGreaterThan(BigInt(lease.fencingToken));
  });

  it('answers wait-timeout when the wait is over, and leaves the queue', async () => {
    await acquire(node, 'slow', { owner: 'me' });
    const startedAt = performance.now();
    const { status, body } = await acquire(node, 'slow', { owner: 'you', waitMs: 200 });
    const elapsed = performance.now() - startedAt;
    expect([status, body.code]).toEqual([409, 'wait-timeout']);
    expect(elapsed).toBeGreaterThanOrEqual(195);
    expect((await describeLock(node, 'slow')).waiters).toEqual([]);
  });

  it('grants an expired lock to the one who waits, at once', async () => {
    const lateness = async (attempt: number) => {
      const name = `expiring-${attempt}`;
      const { body: lease } = await acquire(node, name, { owner: 'me', ttlMs: 300 });
      const { body: next } = await acquire(node, name, { owner: 'you', waitMs: 30_000 });
      return Date.parse(next.acquiredAt) - Date.parse(lease.expiresAt);
    };
    // A busy machine may be late, but not each time; a beat alone, once a second, would hardly ever be in time.
    let earliest = await lateness(0);
    for (let i = 1; i < 6 && earliest >= 50; i += 1) {
      const late = await lateness(i);
      expect(late).toBeGreaterThanOrEqual(0);
      earliest = Math.min(earliest, late);
    }
    expect(earliest).toBeGreaterThanOrEqual(0);
    expect(earliest).toBeLessThan(50);
  });

  it('forgets a caller that disconnects, and the grant that it could not be told of', async () => {
    const { body: lease } = await acquire(node, 'disconnects', { owner: 'me' });
    const disconnect = new AbortController();
    const gone = acquire(node, 'disconnects', { owner: 'gone', waitMs: 60_000 }, disconnect.signal).catch(
      () => 'gone',
    );
    await eventually(async () => expect((await describeLock(node, 'disconnects')).waiters).toHaveLength(1));
    disconnect.abort();
    expect(await gone).toBe('gone');
    await eventually(async () => expect((await describeLock(node, 'disconnects')).waiters).toEqual([]));
    await release(node, lease);
    expect((await describeLock(node, 'disconnects')).mode).toBe('free');
  });

  it('answers two requests with one lease id by one lease', async () => {
    const { body: lease } = await acquire(node, 'twice', { owner: 'me' });
    const again = { owner: 'you', waitMs: 10_000, leaseId: randomUUID() };
    const both = [acquire(node, 'twice', again), acquire(node, 'twice', again)];
    await eventually(async () => expect((await describeLock(node, 'twice')).waiters).toHaveLength(1));
    await release(node, lease);
    const [one, two] = await Promise.all(both);
    expect(one?.body).toEqual(two?.body);
    expect(one?.status).toBe(200);
  });

  it('renews, releases once, and answers 410 for what is spent', async () => {
    const { body: lease } = await acquire(node, 'life', { owner: 'me', ttlMs: 1_000 });
    const { leaseId } = lease;
    const { body: renewed } = await post('locks/life/renew', { leaseId, ttlMs: 60_000 }).expect(200);
    expect(renewed).toEqual({ ...lease, ttlMs: 60_000, expiresAt: expect.stringMatching(ISO) });
    expect(renewed.expiresAt > lease.expiresAt).toBe(true);
    expect((await release(node, lease)).body).toMatchObject({ released: true });
    expect((await release(node, lease)).body).toMatchObject({ released: false });
    for (const path of ['acquire', 'renew']) {
      const { body } = await post(`locks/life/${path}`, {
        leaseId,
        ...(path === 'acquire' && { owner: 'me' }),
      }).expect(410);
      expect(body.code).toBe('lease-lost');
    }
    expect((await release(node, { name: 'life', leaseId: randomUUID() })).status).toBe(410);
  });

  it('verifies tokens', async () => {
    const verify = async (fencingToken: string) =>
      (await post('locks/fenced/verify', { fencingToken }).expect(200)).body;
    const { body: first } = await acquire(node, 'fenced', { owner: 'me' });
    expect(await verify(first.fencingToken)).toEqual({ valid: true, currentToken: first.fencingToken });
    await release(node, first);
    expect((await verify(first.fencingToken)).valid).toBe(true);
    const { body: second } = await acquire(node, 'fenced', { owner: 'you' });
    await release(node, second);
    expect(await verify(first.fencingToken)).toEqual({ valid: false, currentToken: second.fencingToken });
    await post('locks/fenced/verify', { fencingToken: 'x' }).expect(400);
  });

  it('shows a name that nobody uses as free', async () => {
    const free = { name: 'unused', mode: 'free', holders: [], waiters: [], currentToken: null };
    expect(await describeLock(node, 'unused')).toEqual(free);
  });

  it('lists what is held or awaited, by prefix and page by page', async () => {
    for (let i = 0; i < 5; i += 1) await acquire(node, `page/${i}`, { owner: 'me' });
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const { body } = await call(node, 'GET', `locks?prefix=page/&limit=2${query}`);
      seen.push(...body.locks.map((lock: { name: string }) => lock.name));
      cursor = body.cursor;
    } while (cursor !== null);
    expect(seen).toEqual(['page/0', 'page/1', 'page/2', 'page/3', 'page/4']);
    const { body: all } = await call(node, 'GET', 'locks?prefix=');
    expect(all.locks.length).toBeGreaterThanOrEqual(5);
    expect((await call(node, 'GET', 'locks?limit=0')).status).toBe(400);
    expect((await call(node, 'GET', 'locks?prefix=a%20b')).status).toBe(400);
  });
});
