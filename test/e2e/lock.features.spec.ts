import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lease, Lock, Waiter } from '@syncline/contracts';
import { eventually, NodeProcess, RedisServer, startNodes, stopAll } from '@syncline/testing';
import { acquire, call, describeLock, refusedBy, release } from './lock.calls.js';

describe('what lock nodes offer beside plain locks', () => {
  let redis: RedisServer;
  let nodes: NodeProcess[];
  let one: NodeProcess;
  let two: NodeProcess;
  const post = (path: string, body: object) => call(one, 'POST', path, body);
  const waitersOf = async (name: string): Promise<Waiter[]> => (await describeLock(one, name)).waiters;
  const awaitWaiters = (name: string, count: number) =>
    eventually(async () => expect(await waitersOf(name)).toHaveLength(count));

  beforeAll(async () => {
    redis = await RedisServer.start();
    nodes = await startNodes('lock', 2, { redisUrl: redis.url });
    [one, two] = nodes as [NodeProcess, NodeProcess];
  });
  afterAll(async () => {
    await stopAll(nodes);
    await redis.stop();
  });

  describe('shared mode', () => {
    it('lets readers in together, and keeps them behind a writer who waits', async () => {
      const readers = await Promise.all(
        [one, two].map((node, i) => acquire(node, 'rw', { owner: `r${i}`, mode: 'shared' })),
      );
      expect(readers.map((reader) => reader.body.mode)).toEqual(['shared', 'shared']);
      expect((await describeLock(one, 'rw')).mode).toBe('shared');
      const writer = acquire(two, 'rw', { owner: 'w', waitMs: 10_000 });
      await awaitWaiters('rw', 1);
      const late = [1, 2].map((i) =>
        acquire(one, 'rw', { owner: `late${i}`, mode: 'shared', waitMs: 10_000 }),
      );
      await awaitWaiters('rw', 3);
      expect((await acquire(one, 'rw', { owner: 'x', mode: 'shared' })).body).toMatchObject({
        code: 'lock-held',
        waiters: 3,
      });
      for (const reader of readers) await release(one, reader.body);
      const written = await writer;
      expect(written.body.owner).toBe('w');
      await release(two, written.body);
      const both = await Promise.all(late);
      expect(both.map((answer) => answer.status)).toEqual([200, 200]);
      expect((await describeLock(one, 'rw')).holders).toHaveLength(2);
    });
  });

  describe('semaphores', () => {
    const take = (name: string, body: object) => post(`semaphores/${name}/acquire`, body);
    const give = (name: string, leaseId: string) => post(`semaphores/${name}/release`, { leaseId });

    it('share their permits in order of arrival: a small wish never overtakes a large one', async () => {
      const { body: first } = await take('order', { owner: 'a', limit: 3, permits: 2 });
      expect(first).toMatchObject({ name: 'order', mode: 'shared', permits: 2 });
      const large = take('order', { owner: 'large', limit: 3, permits: 3, waitMs: 10_000 });
      await eventually(async () =>
        expect((await call(one, 'GET', 'semaphores/order')).body.waiters).toHaveLength(1),
      );
      expect((await take('order', { owner: 'small', permits: 1 })).body.code).toBe('lock-held');
      expect((await call(two, 'GET', 'semaphores/order')).body).toMatchObject({
        mode: 'shared',
        limit: 3,
        used: 2,
      });
      expect((await give('order', first.leaseId)).body).toMatchObject({ released: true });
      expect((await large).body.permits).toBe(3);
    });

    it('keep the limit of the first caller until nobody uses them', async () => {
      const { body: lease } = await take('limit', { owner: 'a', limit: 2 });
      const other = await take('limit', { owner: 'b', limit: 3 });
      expect([other.status, other.body.code]).toEqual([409, 'limit-mismatch']);
      expect((await take('limit', { owner: 'b' })).status).toBe(200);
      expect((await take('limit', { owner: 'b', limit: 2, permits: 3 })).status).toBe(400);
      expect((await take('limit', { owner: 'b', permits: 3 })).status).toBe(400);
      expect((await take('unlimited', { owner: 'b' })).status).toBe(400);
      await call(one, 'POST', 'semaphores/limit/renew', { leaseId: lease.leaseId, ttlMs: 50_000 });
    });

    it('are resized: at once for who waits, later for who holds', async () => {
      const { body: first } = await take('size', { owner: 'a', limit: 1 });
      const second = take('size', { owner: 'b', limit: 1, waitMs: 10_000 });
      await eventually(async () =>
        expect((await call(one, 'GET', 'semaphores/size')).body.waiters).toHaveLength(1),
      );
      expect((await call(two, 'PUT', 'semaphores/size', { limit: 2 })).body).toMatchObject({
        limit: 2,
        used: 2,
      });
      const granted = await second;
      expect(granted.status).toBe(200);
      expect((await call(two, 'PUT', 'semaphores/size', { limit: 1 })).body).toMatchObject({
        limit: 1,
        used: 2,
      });
      expect((await take('size', { owner: 'c', limit: 1 })).body.code).toBe('lock-held');
      await give('size', first.leaseId);
      expect((await take('size', { owner: 'c', limit: 1 })).body.code).toBe('lock-held');
      await give('size', granted.body.leaseId);
      expect((await take('size', { owner: 'c', limit: 1 })).status).toBe(200);
      expect((await call(one, 'PUT', 'semaphores/fresh', { limit: 5 })).body).toMatchObject({
        limit: 5,
        used: 0,
      });
      expect((await take('fresh', { owner: 'a', limit: 6 })).body.limit).toBe(5);
    });

    it('turn away who waits for more than they have left after a resize', async () => {
      const { body: first } = await take('shrunk', { owner: 'a', limit: 4, permits: 2 });
      const large = take('shrunk', { owner: 'b', limit: 4, permits: 4, waitMs: 10_000 });
      await eventually(async () =>
        expect((await call(one, 'GET', 'semaphores/shrunk')).body.waiters).toHaveLength(1),
      );
      await call(two, 'PUT', 'semaphores/shrunk', { limit: 3 });
      expect((await large).body.code).toBe('limit-mismatch');
      await give('shrunk', first.leaseId);
    });
  });

  describe('several locks at once', () => {
    it('are granted, renewed and released together, and a retry is the same grant', async () => {
      const locks = [{ name: 'set/b' }, { name: 'set/a', mode: 'shared' }];
      const body = { locks, owner: 'me', leaseId: randomUUID() };
      const { status, body: set } = await post('locks/acquire', body);
      expect(status).toBe(200);
      expect(set.leaseId).toBe(body.leaseId);
      expect(set.leases.map((lease: Lease) => [lease.name, lease.mode, lease.leaseId])).toEqual([
        ['set/b', 'exclusive', body.leaseId],
        ['set/a', 'shared', body.leaseId],
      ]);
      const swapped = { ...body, locks: [...locks].reverse() };
      const again = await call(two, 'POST', 'locks/acquire', swapped);
      expect(again.body.leases).toEqual([...set.leases].reverse());
      const names = ['set/a', 'set/b'];
      const renewed = await post('locks/renew', { leaseId: body.leaseId, names, ttlMs: 60_000 });
      expect(renewed.body.leases.map((lease: Lease) => lease.ttlMs)).toEqual([60_000, 60_000]);
      const end = { leaseId: body.leaseId, names };
      expect((await post('locks/release', end)).body).toMatchObject({ released: true });
      expect((await post('locks/release', end)).body).toMatchObject({ released: false });
      expect((await post('locks/renew', end)).status).toBe(410);
      expect((await post('locks/acquire', body)).status).toBe(410);
    });

    it('are none when one of them is held, and are awaited under one deadline', async () => {
      const { body: lease } = await acquire(one, 'pair/2', { owner: 'holder' });
      const locks = [{ name: 'pair/1' }, { name: 'pair/2' }];
      const held = await post('locks/acquire', { locks, owner: 'me' });
      expect(held.body).toMatchObject({ code: 'lock-held', holders: [refusedBy(lease)], waiters: 0 });
      expect((await describeLock(one, 'pair/1')).mode).toBe('free');
      expect((await post('locks/acquire', { locks, owner: 'me', waitMs: 200 })).body.code).toBe(
        'wait-timeout',
      );
      const waiting = post('locks/acquire', { locks, owner: 'me', waitMs: 10_000 });
      await awaitWaiters('pair/1', 1);
      await release(two, lease);
      expect((await waiting).body.leases).toHaveLength(2);
    });

    it('never wait for each other in a circle, whatever the order of the names', async () => {
      const names = ['ring/1', 'ring/2', 'ring/3', 'ring/4'];
      await Promise.all(
        Array.from({ length: 24 }, async (_, i) => {
          const locks = [0, 1, 2].map((k) => ({ name: names[(i * 3 + k * (i % 2 ? 1 : 3)) % 4] as string }));
          const node = i % 2 ? one : two;
          const answer = await call(node, 'POST', 'locks/acquire', {
            locks,
            owner: `ring-${i}`,
            waitMs: 15_000,
          });
          expect(answer.status).toBe(200);
          const end = { leaseId: answer.body.leaseId, names: locks.map((lock) => lock.name) };
          expect((await call(node, 'POST', 'locks/release', end)).body).toMatchObject({ released: true });
        }),
      );
    });

    it('refuses a set with a name twice, without names or with too many', async () => {
      for (const locks of [
        [{ name: 'x' }, { name: 'x' }],
        [],
        Array.from({ length: 33 }, (_, i) => ({ name: `n${i}` })),
      ]) {
        expect((await post('locks/acquire', { locks, owner: 'me' })).status).toBe(400);
      }
    });
  });

  it('answers a batch as if each operation had been called alone, in order', async () => {
    const { body: held } = await acquire(one, 'batch/held', { owner: 'me' });
    const leaseId = randomUUID();
    const { status, body } = await post('locks/batch', {
      operations: [
        { op: 'acquire', name: 'batch/a', owner: 'me', leaseId, metadata: { n: 1 } },
        { op: 'renew', name: 'batch/a', leaseId, ttlMs: 5_000 },
        { op: 'release', name: 'batch/a', leaseId },
        { op: 'release', name: 'batch/a', leaseId },
        { op: 'acquire', name: 'batch/held', owner: 'you' },
        { op: 'renew', name: 'batch/none', leaseId: randomUUID() },
        { op: 'acquire', name: 'batch/bad', owner: '', ttlMs: 1 },
        { op: 'steal', name: 'batch/a' },
        { op: 'release', name: 'batch/held', leaseId: held.leaseId },
      ],
    });
    expect(status).toBe(200);
    expect(body.results.map((result: { status: number }) => result.status)).toEqual([
      200, 200, 200, 200, 409, 410, 400, 400, 200,
    ]);
    expect(body.results[0].body).toMatchObject({ name: 'batch/a', leaseId, metadata: { n: 1 } });
    expect(body.results[1].body.ttlMs).toBe(5_000);
    expect([body.results[2].body, body.results[3].body]).toMatchObject([
      { released: true },
      { released: false },
    ]);
    expect(body.results[4].body).toMatchObject({ code: 'lock-held', holders: [refusedBy(held)] });
    expect(body.results[6].body.errors.map((error: { path: string }) => error.path)).toEqual([
      'owner',
      'ttlMs',
    ]);
    expect((await post('locks/batch', { operations: [] })).status).toBe(400);
    const many = Array.from({ length: 512 }, (_, i) => ({ op: 'acquire', name: `batch/${i}`, owner: 'me' }));
    const answer = await post('locks/batch', { operations: many });
    expect(answer.body.results.filter((result: { status: number }) => result.status === 200)).toHaveLength(
      512,
    );
    expect((await post('locks/batch', { operations: [...many, many[0]] })).status).toBe(400);
  });

  describe('sessions', () => {
    const open = async (ttlMs: number) => (await post('sessions', { owner: 'worker', ttlMs })).body;

    it('keep all their leases by one keep-alive, and free them at their end', async () => {
      const ttlMs = 3_000;
      const created = await post('sessions', { owner: 'worker', ttlMs });
      expect([created.status, Object.keys(created.body)]).toEqual([
        201,
        ['sessionId', 'owner', 'ttlMs', 'expiresAt', 'durability'],
      ]);
      const { sessionId } = created.body;
      for (const name of ['s/1', 's/2', 's/3']) {
        const { body } = await acquire(one, name, { owner: 'worker', sessionId, ttlMs: 100 });
        expect(body.ttlMs).toBe(ttlMs);
      }
      const firstEnd = Date.parse(created.body.expiresAt);
      for (let end = firstEnd; end < firstEnd + ttlMs; ) {
        const { body } = await call(two, 'POST', `sessions/${sessionId}/keepalive`);
        expect(body.sessionId).toBe(sessionId);
        expect(Date.parse(body.expiresAt)).toBeGreaterThanOrEqual(end);
        end = Date.parse(body.expiresAt);
        await sleep(50);
      }
      const { body: shown } = await call(two, 'GET', `sessions/${sessionId}`);
      expect(shown.leases.map((lease: Lease) => lease.name).sort()).toEqual(['s/1', 's/2', 's/3']);
      expect(shown.leases[0].expiresAt).toBe(shown.expiresAt);
      const waiting = ['s/1', 's/2', 's/3'].map((name) =>
        acquire(two, name, { owner: 'next', waitMs: 60_000 }),
      );
      const granted = (await Promise.all(waiting)).map((answer) => answer.body);
      for (const lease of granted) {
        const late = Date.parse(lease.acquiredAt) - Date.parse(shown.expiresAt);
        expect(late).toBeGreaterThanOrEqual(0);
      }
      expect((await call(one, 'GET', `sessions/${sessionId}`)).status).toBe(404);
      expect((await post(`sessions/${sessionId}/keepalive`, {})).body.code).toBe('lease-lost');
      expect((await acquire(one, 's/4', { owner: 'worker', sessionId })).body.code).toBe('lease-lost');
    });

    it('release their leases and end their waits when they are deleted', async () => {
      const { sessionId } = await open(30_000);
      const { body: lease } = await acquire(one, 'd/1', { owner: 'worker', sessionId });
      await acquire(one, 'd/2', { owner: 'other' });
      const waiting = acquire(two, 'd/2', { owner: 'worker', sessionId, waitMs: 10_000 });
      await awaitWaiters('d/2', 1);
      expect((await call(two, 'DELETE', `sessions/${sessionId}`)).status).toBe(204);
      expect((await waiting).body.code).toBe('lease-lost');
      expect((await describeLock(one, 'd/1')).mode).toBe('free');
      expect((await release(one, lease)).body).toMatchObject({ released: false });
      expect((await call(two, 'DELETE', `sessions/${sessionId}`)).status).toBe(404);
    });

    it('hold and renew leases one by one, too', async () => {
      const { sessionId, expiresAt } = await open(30_000);
      const { body: lease } = await acquire(one, 'r/1', { owner: 'worker', sessionId });
      const { body: renewed } = await post('locks/r%2F1/renew', { leaseId: lease.leaseId, ttlMs: 60_000 });
      expect(renewed.expiresAt).toBe(expiresAt);
      expect((await release(one, lease)).body).toMatchObject({ released: true });
      expect((await call(one, 'GET', `sessions/${sessionId}`)).body.leases).toEqual([]);
    });
  });

  describe('a look at those who wait', () => {
    const waits = async () => (await call(two, 'GET', 'locks/waits')).body.waits;

    it('shows who waits for what since when, and who holds it, of locks, sets and semaphores', async () => {
      const gone = new AbortController();
      const { body: a } = await acquire(one, 'look/a', { owner: 'Ä A' });
      await acquire(one, 'look/b', { owner: 'B', mode: 'shared' });
      await acquire(one, 'look/b', { owner: 'C', mode: 'shared' });
      await post('semaphores/look%2Fs/acquire', { owner: 'D', limit: 1 });
      const first = acquire(one, 'look/a', { owner: 'E', waitMs: 20_000 }, gone.signal).catch(() => 'gone');
      await awaitWaiters('look/a', 1);
      const asked = [
        call(two, 'POST', 'locks/acquire', {
          owner: 'F',
          waitMs: 20_000,
          locks: [{ name: 'look/a' }, { name: 'look/b' }],
        }),
        post('semaphores/look%2Fs/acquire', { owner: 'G', limit: 1, waitMs: 20_000 }),
      ];
      await eventually(async () => expect(await waits()).toHaveLength(4));
      const shown: { owner: string; waitsFor: string; heldBy: string[]; since: string }[] = await waits();
      expect(shown[0]).toEqual({
        owner: 'E',
        waitsFor: 'look/a',
        heldBy: ['Ä A'],
        since: expect.any(String),
      });
      expect(shown.map(({ owner, waitsFor, heldBy }) => [owner, waitsFor, heldBy.sort()])).toEqual(
        expect.arrayContaining([
          ['F', 'look/a', ['Ä A']],
          ['F', 'look/b', ['B', 'C']],
          ['G', 'look/s', ['D']],
        ]),
      );
      const list = (query: string) => call(one, 'GET', `locks?prefix=look/&${query}`);
      const names = ({ body }: Awaited<ReturnType<typeof list>>) => body.locks.map(({ name }: Lock) => name);
      await acquire(one, 'look/free', { owner: 'H' });
      expect(names(await list('awaited=true'))).toEqual(['look/a', 'look/b']);
      expect(names(await list('awaited=false'))).toEqual(['look/a', 'look/b', 'look/free']);
      expect((await list('awaited=1')).status).toBe(400);

      gone.abort();
      await first;
      await eventually(async () => expect(await waits()).toHaveLength(3));
      await release(one, a);
      for (const name of ['look/b', 'look/free'])
        await call(one, 'DELETE', `locks/${encodeURIComponent(name)}`);
      await call(one, 'DELETE', 'semaphores/look%2Fs');
      await Promise.all(asked);
      expect(await waits()).toEqual([]);
    });

    it('leaves a lock of this name to be described by its other spelling', async () => {
      const { body } = await acquire(one, 'waits', { owner: 'A' });
      expect((await call(one, 'GET', 'locks/%77aits')).body).toMatchObject({
        name: 'waits',
        mode: 'exclusive',
      });
      await release(one, body);
    });
  });

  describe('deadlocks', () => {
    it('of two owners end before their waits do, at the cost of the youngest', async () => {
      const { body: a } = await acquire(one, 'dl/a', { owner: 'A' });
      const { body: b } = await acquire(two, 'dl/b', { owner: 'B' });
      const older = acquire(one, 'dl/b', { owner: 'A', waitMs: 20_000 });
      await awaitWaiters('dl/b', 1);
      const victim = await acquire(two, 'dl/a', { owner: 'B', waitMs: 20_000 });
      expect([victim.status, victim.body.code]).toEqual([409, 'deadlock']);
      expect(victim.body.cycle).toEqual([
        { owner: 'B', waitsFor: 'dl/a', heldBy: 'A' },
        { owner: 'A', waitsFor: 'dl/b', heldBy: 'B' },
      ]);
      const { deadlocks } = (await call(two, 'GET', 'deadlocks')).body;
      expect(deadlocks).toEqual([{ at: expect.any(String), cycle: victim.body.cycle, victim: 'B' }]);
      await release(two, b);
      expect((await older).body.owner).toBe('A');
      await release(one, a);
    });

    it('of one owner: its own shared lease is in its way', async () => {
      await acquire(one, 'dl/up', { owner: 'A', mode: 'shared' });
      const { body } = await acquire(two, 'dl/up', { owner: 'A', waitMs: 20_000 });
      expect(body.cycle).toEqual([{ owner: 'A', waitsFor: 'dl/up', heldBy: 'A' }]);
    });

    it('of two upgrades: each waits for itself', async () => {
      await acquire(one, 'dl/two', { owner: 'A', mode: 'shared' });
      await acquire(one, 'dl/two', { owner: 'B', mode: 'shared' });
      const answers = await Promise.all([
        acquire(one, 'dl/two', { owner: 'A', waitMs: 3_000 }),
        acquire(two, 'dl/two', { owner: 'B', waitMs: 3_000 }),
      ]);
      expect(answers.map((answer) => answer.body.code)).toEqual(['deadlock', 'deadlock']);
    });

    it('by the queue: one who waits in front of a second request of the holder', async () => {
      const { body: held } = await acquire(one, 'dl/q', { owner: 'A', mode: 'shared' });
      const behind = acquire(two, 'dl/q', { owner: 'B', waitMs: 20_000 });
      await awaitWaiters('dl/q', 1);
      const { body } = await acquire(one, 'dl/q', { owner: 'A', mode: 'shared', waitMs: 20_000 });
      expect(body.cycle).toEqual([
        { owner: 'A', waitsFor: 'dl/q', heldBy: 'B' },
        { owner: 'B', waitsFor: 'dl/q', heldBy: 'A' },
      ]);
      await release(one, held);
      expect((await behind).status).toBe(200);
    });

    it('are not seen where a third owner may still let go: semaphores and long chains', async () => {
      const take = (node: NodeProcess, owner: string, waitMs = 0) =>
        call(node, 'POST', 'semaphores/dl-s/acquire', { owner, limit: 2, waitMs });
      const { body: a } = await acquire(one, 'dl/s', { owner: 'A' });
      const { body: mine } = await take(one, 'B');
      const { body: free } = await take(two, 'C');
      const waitsForLock = acquire(two, 'dl/s', { owner: 'B', waitMs: 20_000 });
      await awaitWaiters('dl/s', 1);
      const waitsForPermit = take(one, 'A', 20_000);
      await sleep(1_500);
      expect((await call(one, 'GET', 'semaphores/dl-s')).body.waiters).toHaveLength(1);
      expect(await waitersOf('dl/s')).toHaveLength(1);
      await call(two, 'POST', 'semaphores/dl-s/release', { leaseId: free.leaseId });
      expect((await waitsForPermit).status).toBe(200);
      await release(one, a);
      expect((await waitsForLock).status).toBe(200);
      expect(mine.permits).toBe(1);
    });

    it('of many owners in one circle have exactly one victim', async () => {
      const n = 6;
      const held = await Promise.all(
        Array.from({ length: n }, (_, i) => acquire(one, `dl/ring${i}`, { owner: `R${i}` })),
      );
      const done = await Promise.all(
        Array.from({ length: n }, async (_, i) => {
          const answer = await acquire(nodes[i % 2] as NodeProcess, `dl/ring${(i + 1) % n}`, {
            owner: `R${i}`,
            waitMs: 15_000,
          });
          // An owner that got its locks, or gave up, releases what it held: so the others go on, too.
          await release(one, held[i]?.body);
          if (answer.status === 200) await release(one, answer.body);
          return answer;
        }),
      );
      const victims = done.filter((answer) => answer.body.code === 'deadlock');
      expect(victims).toHaveLength(1);
      expect(victims[0]?.body.cycle).toHaveLength(n);
      expect(done.filter((answer) => answer.status === 200)).toHaveLength(n - 1);
    });
  });

  describe('force', () => {
    it('takes a lock away from its holders, serves who waits, and leaves a record', async () => {
      const readers = await Promise.all(
        [1, 2].map((i) => acquire(one, 'f', { owner: `r${i}`, mode: 'shared' })),
      );
      const waiting = acquire(two, 'f', { owner: 'w', waitMs: 10_000 });
      await awaitWaiters('f', 1);
      const { body } = await call(one, 'DELETE', 'locks/f', { reason: 'stuck' });
      expect(body.revoked.sort()).toEqual(readers.map((reader) => reader.body.leaseId).sort());
      expect((await waiting).body.owner).toBe('w');
      expect((await release(one, readers[0]?.body)).status).toBe(410);
      expect((await post('locks/f/renew', { leaseId: readers[1]?.body.leaseId })).status).toBe(410);
      expect((await call(one, 'DELETE', 'locks/unheld')).body).toMatchObject({ revoked: [] });
      const client = redis.connect();
      const entry = (await client.xrange('syncline:lock:{0}:audit', '-', '+')).at(-1);
      client.disconnect();
      expect(entry?.[1]).toEqual(expect.arrayContaining(['revoke', 'l/f', 'stuck', 'lock_1']));
    });
  });
});
