import { once } from 'node:events';
import { eventually } from '@syncline/testing';
import { Deployment, WAYS } from '../../../../test/stages/deployment.js';
import { LeaseLostError, type LockClient, LockHeldError, ValidationError } from '../index.js';
import type { LockPort } from './lock-port.js';

describe.each(WAYS)('over %s', (way) => {
  let deployment: Deployment;
  let lock: LockClient;

  beforeAll(async () => {
    deployment = await Deployment.start(way, 'lock');
    lock = (await deployment.connect()).lock;
  });
  afterAll(() => deployment?.stop());

  describe('a lease of a session', () => {
    it('aborts its signal when it is revoked, while the session and its other leases stay', async () => {
      await using session = await lock.session({ ttlMs: 6_000 });
      const taken = await session.acquire('session-taken');
      const kept = await session.acquire('session-kept');
      expect([taken.isHeld, taken.signal.aborted]).toEqual([true, false]);
      const told = once(taken.signal, 'abort');
      await lock.revoke('session-taken', 'test');
      await told;
      expect(taken.signal.reason).toBeInstanceOf(LeaseLostError);
      expect([taken.isHeld, kept.isHeld, session.isHeld]).toEqual([false, true, true]);
      expect(kept.signal.aborted).toBe(false);
      await expect(taken.release()).rejects.toThrow(LeaseLostError);
      // The session can acquire the name again, as another lease.
      const again = await session.acquire('session-taken');
      await eventually(() => expect(session.remainingMs).toBeGreaterThan(0));
      expect(again.isHeld).toBe(true);
    });

    it('is lost with its session', async () => {
      const session = await lock.session({ ttlMs: 600 });
      const lease = await session.acquire('session-lost');
      const told = once(lease.signal, 'abort');
      // As somebody else would who knows its id.
      await (lock as unknown as { port: LockPort }).port.endSession(session.sessionId);
      await told;
      expect(lease.signal.reason).toBe(session.signal.reason);
      expect(lease.isHeld).toBe(false);
    });

    it('does not abort its signal when it or its session is released', async () => {
      const session = await lock.session();
      const first = await session.acquire('session-first');
      await using second = await session.acquire('session-second');
      await first.release();
      await first.release();
      expect([first.isHeld, second.isHeld]).toEqual([false, true]);
      await session.release();
      expect([second.isHeld, second.signal.aborted]).toEqual([false, false]);
    });

    it('has metadata', async () => {
      await using session = await lock.session({ metadata: { host: 'a' } });
      const lease = await session.acquire('session-metadata', { metadata: { job: 7 } });
      expect(lease.grant.metadata).toEqual({ job: 7 });
    });

    it('can be waited for, also for ever', async () => {
      const held = await lock.acquire('session-awaited');
      await using session = await lock.session();
      const waiting = session.acquire('session-awaited', { waitMs: Infinity });
      await eventually(async () => expect((await lock.inspect('session-awaited')).waiters).toHaveLength(1));
      await held.release();
      expect((await waiting).isHeld).toBe(true);
      await expect(session.acquire('x', { waitMs: Number.NaN })).rejects.toThrow(ValidationError);
    });
  });

  describe('several locks of a session', () => {
    it('are acquired all or none, and released together', async () => {
      await using session = await lock.session({ ttlMs: 900 });
      const other = await lock.acquire('session-set-b');
      await expect(session.acquireAll(['session-set-a', 'session-set-b'])).rejects.toThrow(LockHeldError);
      await other.release();
      const wishes = ['session-set-a', { name: 'session-set-b', mode: 'shared' } as const];
      const set = await session.acquireAll(wishes, { metadata: { job: 8 } });
      expect(set.fencingToken('session-set-a')).toMatch(/^\d+$/);
      expect((await lock.inspect('session-set-b')).holders).toMatchObject([
        { owner: session.owner, mode: 'shared', metadata: { job: 8 } },
      ]);
      await set.release();
      expect((await lock.inspect('session-set-a')).mode).toBe('free');
      expect(session.isHeld).toBe(true);
    });

    it('are lost when one of them is revoked', async () => {
      await using session = await lock.session({ ttlMs: 900 });
      const set = await session.acquireAll(['session-all-a', 'session-all-b']);
      const told = once(set.signal, 'abort');
      await lock.revoke('session-all-b', 'test');
      await told;
      expect(set.isHeld).toBe(false);
      expect(set.signal.reason).toMatchObject({ detail: expect.stringContaining('session-all-b') });
    });
  });

  describe('several locks without a session', () => {
    it('have metadata', async () => {
      await using set = await lock.acquireAll(['meta-a', 'meta-b'], { metadata: { job: 9 } });
      expect(set.grants.map(({ metadata }) => metadata)).toEqual([{ job: 9 }, { job: 9 }]);
    });
  });
});
