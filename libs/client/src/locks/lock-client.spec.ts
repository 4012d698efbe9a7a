import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '@syncline/testing';
import { Deployment, WAYS } from '../../../../test/stages/deployment.js';
import {
  DeadlockError,
  LeaseLostError,
  LimitMismatchError,
  LockClient,
  LockHeldError,
  NotFoundError,
  ValidationError,
  WaitTimeoutError,
} from '../index.js';

describe.each(WAYS)('LockClient over %s:', (way) => {
  let deployment: Deployment;
  let lock: LockClient;

  beforeAll(async () => {
    deployment = await Deployment.start(way, 'lock');
    lock = (await deployment.connect()).lock;
  });
  afterAll(() => deployment?.stop());

  describe('a lock', () => {
    it('is held by one owner at a time, with growing tokens', async () => {
      const first = await lock.acquire('invoice-1', { metadata: { job: 'a' } });
      expect(first.isHeld).toBe(true);
      expect(first.grant.metadata).toEqual({ job: 'a' });
      const refused = await lock.acquire('invoice-1').catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(LockHeldError);
      expect(refused).toMatchObject({ code: 'lock-held', status: 409, problem: { waiters: 0 } });
      await first.release();
      expect(first.isHeld).toBe(false);
      expect(first.signal.aborted).toBe(false);
      await using second = await lock.acquire('invoice-1');
      expect(BigInt(second.fencingToken)).toBeGreaterThan(BigInt(first.fencingToken));
      expect(await lock.verify('invoice-1', first.fencingToken)).toMatchObject({ valid: false });
    });

    it('is granted to waiters in order of arrival', async () => {
      const held = await lock.acquire('fifo');
      const order: number[] = [];
      const waiters = [];
      for (let i = 1; i <= 3; i++) {
        waiters.push(lock.using('fifo', { waitMs: 10_000 }, () => order.push(i)));
        await eventually(async () => expect((await lock.inspect('fifo')).waiters).toHaveLength(i));
      }
      await held.release();
      await Promise.all(waiters);
      expect(order).toEqual([1, 2, 3]);
    });

    it('is renewed while its routine runs', async () => {
      const ttlMs = 1_500;
      await lock.using('long', { ttlMs }, async (lease, signal) => {
        await sleep(2 * ttlMs);
        expect(signal.aborted).toBe(false);
        expect(lease.remainingMs).toBeGreaterThan(0);
        expect((await lock.inspect('long')).holders.map(({ fencingToken }) => fencingToken)).toEqual([
          lease.fencingToken,
        ]);
      });
      expect((await lock.inspect('long')).mode).toBe('free');
    });

    it('can be shared by readers', async () => {
      await using _ = await lock.acquire('pages', { mode: 'shared' });
      await using second = await lock.acquire('pages', { mode: 'shared' });
      expect(second.mode).toBe('shared');
      await expect(lock.acquire('pages')).rejects.toThrow(LockHeldError);
    });

    it('never replaces the error of the routine', async () => {
      const own = new Error('mine');
      await expect(lock.using('mine', {}, () => Promise.reject(own))).rejects.toBe(own);
      await expect(
        lock.using('mine', {}, async () => {
          await lock.revoke('mine');
          throw own;
        }),
      ).rejects.toBe(own);
      expect((await lock.inspect('mine')).mode).toBe('free');
    });

    it('aborts the signal of its holder when it is revoked', async () => {
      const running = lock.using('taken', { ttlMs: 600 }, async (_, signal) => {
        await lock.revoke('taken', 'test');
        await once(signal, 'abort');
        return signal.reason as unknown;
      });
      await expect(running).rejects.toThrow(LeaseLostError);
    });

    it('ends a wait at waitMs, or when the signal aborts', async () => {
      await using _ = await lock.acquire('busy');
      await expect(lock.acquire('busy', { waitMs: 50 })).rejects.toThrow(WaitTimeoutError);
      const reason = new Error('enough');
      const controller = new AbortController();
      const waiting = lock.acquire('busy', { waitMs: 60_000, signal: controller.signal });
      await eventually(async () => expect((await lock.inspect('busy')).waiters).toHaveLength(1));
      controller.abort(reason);
      await expect(waiting).rejects.toBe(reason);
      await eventually(async () => expect((await lock.inspect('busy')).waiters).toHaveLength(0));
      await expect(lock.acquire('busy', { signal: controller.signal })).rejects.toBe(reason);
    });

    it('is released when its caller gave up before the grant', async () => {
      const controller = new AbortController();
      const acquiring = lock.acquire('unwanted', { signal: controller.signal });
      setImmediate(() => controller.abort());
      await expect(acquiring).rejects.toThrow('aborted');
      await eventually(async () => expect((await lock.inspect('unwanted')).mode).toBe('free'));
    });

    it('throws the error class of the code for an invalid request', async () => {
      await expect(lock.acquire('no spaces')).rejects.toThrow(ValidationError);
      await expect(lock.acquire('a', { ttlMs: 1 })).rejects.toMatchObject({
        code: 'validation-failed',
        problem: { errors: [{ path: 'ttlMs' }] },
      });
    });

    it('takes part in deadlock detection between owners', async () => {
      const [a, b] = await Promise.all([
        lock.acquire('dead-a', { owner: 'one' }),
        lock.acquire('dead-b', { owner: 'two' }),
      ]);
      const outcomes = await Promise.allSettled([
        lock.acquire('dead-b', { owner: 'one', waitMs: 2_500 }),
        lock.acquire('dead-a', { owner: 'two', waitMs: 2_500 }),
      ]);
      const reasons = outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason);
      expect(reasons.filter((reason) => reason instanceof DeadlockError)).toHaveLength(1);
      await Promise.all([a.release(), b.release()]);
    });

    it('is listed while it is held', async () => {
      await using _ = await lock.acquire('list-1');
      await using __ = await lock.acquire('list-2');
      const names = [];
      for await (const { name } of lock.list('list-')) names.push(name);
      expect(names.sort()).toEqual(['list-1', 'list-2']);
    });
  });

  describe('calls of one turn', () => {
    it('each have their own outcome', async () => {
      await using _ = await lock.acquire('turn-3');
      const outcomes = await Promise.allSettled(
        Array.from({ length: 8 }, (_, i) => lock.acquire(i === 5 ? 'not valid' : `turn-${i}`)),
      );
      expect(outcomes.map(({ status }) => status === 'fulfilled')).toEqual(
        [0, 1, 2, 3, 4, 5, 6, 7].map((i) => i !== 3 && i !== 5),
      );
      expect(outcomes[3]).toMatchObject({ reason: { code: 'lock-held' } });
      expect(outcomes[5]).toMatchObject({ reason: { code: 'validation-failed' } });
      await Promise.all(outcomes.map((outcome) => outcome.status === 'fulfilled' && outcome.value.release()));
      expect((await lock.inspect('turn-0')).mode).toBe('free');
    });
  });

  describe('an invalid call of a turn', () => {
    // biome-ignore lint/suspicious/noExplicitAny: JavaScript callers may pass any value
    it.each<[string, any, any, object]>([
      ['no name', undefined, {}, { code: 'validation-failed' }],
      ['a name that is not a string', Symbol('a'), {}, { code: 'validation-failed' }],
      ['a name that is not well-formed', '\ud800', {}, { code: 'validation-failed' }],
      ['an empty name', '', {}, { code: 'validation-failed' }],
      ['an owner that is not JSON', 'bad-owner', { owner: 10n }, { code: 'validation-failed' }],
      ['an owner that is not a string', 'bad-owner', { owner: {} }, { code: 'validation-failed' }],
      ['metadata that is not JSON', 'bad-metadata', { metadata: { size: 10n } }, { name: 'TypeError' }],
      ['an unknown mode', 'bad-mode', { mode: 'mine' }, { code: 'validation-failed' }],
    ])('fails alone: %s', async (_, name, options, reason) => {
      const outcomes = await Promise.allSettled([
        lock.acquire('neighbour-1'),
        lock.acquire(name, options),
        lock.acquire('neighbour-2'),
      ]);
      expect(outcomes).toMatchObject([{ status: 'fulfilled' }, { reason }, { status: 'fulfilled' }]);
      for (const outcome of outcomes) if (outcome.status === 'fulfilled') await outcome.value.release();
    });
  });

  describe('several locks', () => {
    it('are acquired all or none, and renewed and released together', async () => {
      const other = await lock.acquire('set-b');
      await expect(lock.acquireAll(['set-a', 'set-b'])).rejects.toThrow(LockHeldError);
      expect((await lock.inspect('set-a')).mode).toBe('free');
      await other.release();
      await lock.usingAll(['set-a', { name: 'set-b', mode: 'shared' }], { ttlMs: 300 }, async (leases) => {
        await sleep(500);
        expect(leases.isHeld).toBe(true);
        expect(leases.fencingToken('set-a')).toMatch(/^\d+$/);
        expect((await lock.inspect('set-b')).mode).toBe('shared');
      });
      expect((await lock.inspect('set-b')).mode).toBe('free');
    });
  });

  describe('a semaphore', () => {
    it('grants at most limit permits', async () => {
      const downloads = lock.semaphore('downloads', 3);
      const two = await downloads.acquire({ permits: 2, ttlMs: 300 });
      await sleep(400);
      const one = await downloads.acquire();
      await expect(downloads.acquire()).rejects.toThrow(LockHeldError);
      await expect(lock.semaphore('downloads', 4).acquire()).rejects.toThrow(LimitMismatchError);
      expect(await downloads.inspect()).toMatchObject({ limit: 3, used: 3 });
      await two.release();
      expect(await downloads.using({ permits: 2 }, (lease) => lease.grant.permits)).toBe(2);
      await downloads.resize(1);
      await expect(downloads.acquire()).rejects.toMatchObject({ status: 409 });
      await one.release();
    });
  });

  describe('a session', () => {
    it('renews its leases with one keep-alive, and releases all of them', async () => {
      const session = await lock.session({ ttlMs: 400 });
      const a = await session.acquire('session-a');
      const b = await session.acquire('session-b');
      await sleep(700);
      expect(session.isHeld).toBe(true);
      expect((await lock.inspect('session-a')).holders[0]?.fencingToken).toBe(a.fencingToken);
      await b.release();
      expect((await lock.inspect('session-b')).mode).toBe('free');
      await session.release();
      expect((await lock.inspect('session-a')).mode).toBe('free');
      await expect(session.acquire('session-a')).rejects.toThrow(LeaseLostError);
    });
  });

  describe('an election', () => {
    it('has one leader, elects another one when it is gone, and notifies observers', async () => {
      const stop = new AbortController();
      const seen: (string | null)[] = [];
      const observing = (async () => {
        for await (const leader of lock.observe('chair', stop.signal)) seen.push(leader?.owner ?? null);
      })();
      await eventually(() => expect(seen).toEqual([null]));
      const led: string[] = [];
      const first = lock.elect(
        'chair',
        { owner: 'ann', signal: stop.signal, ttlMs: 500 },
        async (_, signal) => {
          led.push('ann');
          await once(signal, 'abort');
          signal.throwIfAborted();
        },
      );
      await eventually(() => expect(seen).toEqual([null, 'ann']));
      const second = lock.elect('chair', { owner: 'bob', signal: stop.signal }, async () => {
        // Long enough for the observers to see this leader.
        await eventually(() => expect(seen).toContain('bob'));
        return 'done';
      });
      await eventually(async () => expect((await lock.inspect('chair')).waiters).toHaveLength(1));
      await lock.revoke('chair', 'test');
      expect(await second).toBe('done');
      // The candidate that lost its leadership takes part again.
      await eventually(() => expect(led).toEqual(['ann', 'ann']));
      await eventually(() => expect(seen.at(-1)).toBe('ann'));
      stop.abort();
      await expect(first).rejects.toThrow('aborted');
      await observing;
    });
  });
});

describe('LockClient: the nodes', () => {
  let deployment: Deployment;

  beforeAll(async () => {
    deployment = await Deployment.start('nodes', 'lock');
  });
  afterAll(() => deployment?.stop());

  it('are listed with their state and their share of the ring', async () => {
    const { lock } = await deployment.connect();
    const { role, members } = await lock.cluster();
    expect(role).toBe('lock');
    expect(members.map(({ nodeId, state }) => [nodeId, state])).toEqual([
      ['lock_1', 'alive'],
      ['lock_2', 'alive'],
    ]);
    expect(members.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
  });

  it('are distinguished from other servers by their errors', async () => {
    await using wrong = new LockClient({ urls: [`${deployment.nodes[0]?.url}/elsewhere`] });
    await expect(wrong.inspect('x')).rejects.toThrow(NotFoundError);
    await using nobody = new LockClient({ urls: ['http://127.0.0.1:1'], timeoutMs: 300 });
    await expect(nobody.acquire('x')).rejects.toMatchObject({
      code: 'connection-failed',
      outcome: 'not-sent',
    });
  });
});
