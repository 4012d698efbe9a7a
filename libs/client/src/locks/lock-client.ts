import type {
  Cluster,
  Lease as Grant,
  LeaseSet as GrantSet,
  Holder,
  LeaseMode,
  Lock,
  Verified,
} from '@syncline/contracts';
import { Transport, type TransportOptions } from '../transport/transport.js';
import {
  acquireWaiting,
  DEFAULT_TTL_MS,
  type HoldOptions,
  newId,
  orGiveBack,
  termOf,
  wishOf,
} from './acquisition.js';
import { type Candidacy, elect, observe } from './election.js';
import { runHolding } from './holding.js';
import { Lease, LeaseSet } from './leases.js';
import { LockCalls, lockCall, timed } from './lock-calls.js';
import { Semaphore } from './semaphore.js';
import { Session, type SessionOptions } from './session.js';

/** How a lock is taken and held. */
export interface AcquireOptions extends HoldOptions {
  /** Default `exclusive`. Shared leases of a name are held together. */
  readonly mode?: LeaseMode;
}

/** Locks, semaphores, sessions and elections, through the lock nodes. */
export class LockClient implements AsyncDisposable {
  private readonly transport: Transport;
  private readonly calls: LockCalls;

  constructor(options: TransportOptions) {
    this.transport = new Transport(options);
    this.calls = new LockCalls(this.transport);
  }

  /**
   * Acquires a lock and keeps it until it is released: `await using lease = await lock.acquire('invoice-42')`.
   *
   * @throws {LockHeldError} somebody else holds it and `waitMs` is 0
   * @throws {WaitTimeoutError} `waitMs` is over
   * @throws {DeadlockError} waiting would never end
   * @throws the reason of `options.signal`
   */
  async acquire(name: string, options: AcquireOptions = {}): Promise<Lease> {
    const { mode, ttlMs = DEFAULT_TTL_MS, waitMs = 0, signal } = options;
    signal?.throwIfAborted();
    const leaseId = newId();
    const giveBack = () => this.calls.release(name, leaseId, waitMs > 0);
    const fields = { ...wishOf(options, leaseId), ...(mode === undefined ? {} : { mode }) };
    const path = `/v1/locks/${encodeURIComponent(name)}/acquire`;
    const acquiring =
      waitMs === 0
        ? this.calls.acquire(name, fields)
        : acquireWaiting<Grant>(this.transport, path, fields, options, name);
    return orGiveBack(
      acquiring.then(({ body, firstSentAt }) => {
        const renew = async (timeoutMs: number, leftMs: number) =>
          (await this.calls.renew(name, { leaseId, ttlMs }, timeoutMs, leftMs)).sentAt;
        return new Lease(body, termOf(`lock ${name}`, ttlMs, firstSentAt, body.waitedMs, renew), giveBack);
      }),
      signal,
      giveBack,
    );
  }

  /**
   * Runs a routine under a lock. Its signal aborts when the lease is lost, and with `options.signal`; the lock is
   * released when the routine ends.
   *
   * @throws what the routine throws, always
   * @throws {LeaseLostError} the routine came to its end, but the lease was lost before
   * @throws as {@link acquire}
   */
  async using<T>(
    name: string,
    options: AcquireOptions,
    routine: (lease: Lease, signal: AbortSignal) => T | Promise<T>,
  ): Promise<T> {
    return runHolding(await this.acquire(name, options), options.signal, routine);
  }

  /**
   * Acquires several locks, all or none, under one deadline. At most 32; in the order that avoids deadlocks.
   *
   * @throws as {@link acquire}; {CrossSlotError} on Redis Cluster, when the names have no `{tag}` in common
   */
  async acquireAll(
    locks: readonly (string | { readonly name: string; readonly mode?: LeaseMode })[],
    options: HoldOptions = {},
  ): Promise<LeaseSet> {
    const { ttlMs = DEFAULT_TTL_MS, signal } = options;
    signal?.throwIfAborted();
    const wishes = locks.map((lock) => (typeof lock === 'string' ? { name: lock } : lock));
    const names = wishes.map(({ name }) => name);
    const leaseId = newId();
    const { metadata: _, ...fields } = wishOf(options, leaseId);
    const giveBack = () => this.transport.call(lockCall('/v1/locks/release', { leaseId, names }));
    const renew = async (attemptTimeoutMs: number, timeoutMs: number) => {
      const call = lockCall('/v1/locks/renew', { leaseId, names, ttlMs });
      return (await this.transport.call({ ...call, attemptTimeoutMs, timeoutMs })).sentAt;
    };
    return orGiveBack(
      acquireWaiting<GrantSet>(
        this.transport,
        '/v1/locks/acquire',
        { ...fields, locks: wishes },
        options,
        names[0] ?? '',
      ).then(({ body, firstSentAt }) => {
        const waitedMs = Math.min(...body.leases.map((lease) => lease.waitedMs));
        const term = termOf(`locks ${names.join(', ')}`, ttlMs, firstSentAt, waitedMs, renew);
        return new LeaseSet(leaseId, body.leases, term, giveBack);
      }),
      signal,
      giveBack,
    );
  }

  /** Runs a routine under several locks; see {@link using}. */
  async usingAll<T>(
    locks: Parameters<LockClient['acquireAll']>[0],
    options: HoldOptions,
    routine: (leases: LeaseSet, signal: AbortSignal) => T | Promise<T>,
  ): Promise<T> {
    return runHolding(await this.acquireAll(locks, options), options.signal, routine);
  }

  /**
   * A semaphore by its name.
   *
   * @param limit how many permits there are; the first caller sets it, another one later is a {@link LimitMismatchError}
   */
  semaphore(name: string, limit?: number): Semaphore {
    return new Semaphore(this.transport, name, limit);
  }

  /** Opens a session: its leases live as long as it is kept alive, by one call for all of them. */
  session(options: SessionOptions = {}): Promise<Session> {
    return Session.open(this.transport, options);
  }

  /**
   * Stands for election until `options.signal` aborts or `lead` returns: when elected, runs `lead`; when its
   * leadership is lost, waits for `lead` to end and stands again. Returns what `lead` returns, and then resigns.
   *
   * @throws what `lead` throws while it leads, and the reason of `options.signal`
   */
  elect<T>(
    name: string,
    options: Candidacy,
    lead: (lease: Lease, signal: AbortSignal) => T | Promise<T>,
  ): Promise<T> {
    return elect(this, name, options, lead);
  }

  /** The leader now, then each change: its lease as others see it, or null while there is none. Ends when `signal` aborts. */
  observe(name: string, signal: AbortSignal): AsyncGenerator<Holder | null, void, void> {
    return observe(this, this.transport, name, signal);
  }

  /** Whether no larger token was granted: for a resource that cannot compare tokens itself. */
  async verify(name: string, fencingToken: string): Promise<Verified> {
    return timed<Verified>(
      await this.transport.call(lockCall(`/v1/locks/${encodeURIComponent(name)}/verify`, { fencingToken })),
    ).body;
  }

  /** A lock as it is now: holders, waiters, token. */
  inspect(name: string, signal?: AbortSignal): Promise<Lock> {
    return this.transport.json({
      method: 'GET',
      path: `/v1/locks/${encodeURIComponent(name)}`,
      idempotent: true,
      signal,
    });
  }

  /** Takes a lock away from its holders, for operators. Returns the ids of their leases. */
  async revoke(name: string, reason?: string): Promise<readonly string[]> {
    const body = JSON.stringify(reason === undefined ? {} : { reason });
    const path = `/v1/locks/${encodeURIComponent(name)}`;
    // Not repeated: it would take the lock from the next holder.
    const { revoked } = await this.transport.json<{ revoked: string[] }>({
      method: 'DELETE',
      path,
      body,
      idempotent: false,
    });
    return revoked;
  }

  /** Held or awaited locks, page by page, in the order of the nodes. */
  list(prefix = ''): AsyncGenerator<Lock, void, void> {
    return this.transport.list('/v1/locks', 'locks', { prefix });
  }

  /** The lock nodes, as Redis has them now. */
  cluster(): Promise<Cluster> {
    return this.transport.cluster();
  }

  /** Ends all connections. Release what is held before: it ends by its TTL otherwise. */
  close(): Promise<void> {
    return this.transport.close();
  }

  /** For `await using`: as {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
