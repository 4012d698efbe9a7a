import type {
  Cluster,
  Lease as Grant,
  LeaseSet as GrantSet,
  Holder,
  Lock,
  Verified,
} from '@syncline/contracts';
import { Transport, type TransportOptions } from '../transport/transport.js';
import {
  type AcquireOptions,
  type HoldOptions,
  holderOf,
  type LockWish,
  nameOf,
  obtain,
  orSpent,
  ttlOf,
  wishesOf,
} from './acquisition.js';
import { type Candidacy, elect, observe } from './election.js';
import { runHolding } from './holding.js';
import { Holdings } from './holdings.js';
import { Lease, LeaseSet } from './leases.js';
import { LockCalls, lockCall, timed } from './lock-calls.js';
import { Semaphore } from './semaphore.js';
import { Session, type SessionOptions } from './session.js';
import { askWaiting } from './waiting.js';

/** Which lock nodes are called, and what becomes of what is held in the end. */
export interface LockClientOptions extends TransportOptions {
  /**
   * Whether {@link LockClient.close} first releases all that is held: leases, permits, sessions, leaderships. Their
   * signals abort, and routines that run under them have 5 s to end. Default false: they end with their TTL.
   */
  readonly releaseOnClose?: boolean | undefined;
}

/** Locks, semaphores, sessions and elections, through the lock nodes. */
export class LockClient implements AsyncDisposable {
  private readonly transport: Transport;
  private readonly calls: LockCalls;
  private readonly holdings = new Holdings();
  private readonly releaseOnClose: boolean;

  constructor({ releaseOnClose = false, ...options }: LockClientOptions) {
    this.transport = new Transport(options);
    this.calls = new LockCalls(this.transport);
    this.releaseOnClose = releaseOnClose;
  }

  /**
   * Acquires a lock and keeps it until it is released: `await using lease = await lock.acquire('invoice-42')`. While it
   * is held, the process stays alive.
   *
   * @throws {LockHeldError} somebody else holds it and `waitMs` is 0
   * @throws {WaitTimeoutError} `waitMs` is over
   * @throws {DeadlockError} waiting would never end
   * @throws {ValidationError} the name or an option is not valid
   * @throws the reason of `options.signal`
   */
  async acquire(name: string, options: AcquireOptions = {}): Promise<Lease> {
    const { mode, signal } = options;
    const ttlMs = ttlOf(options.ttlMs);
    const path = `/v1/locks/${encodeURIComponent(nameOf(name))}/acquire`;
    const contended = options.waitMs !== undefined && options.waitMs !== 0;
    return obtain<Grant, Lease>(
      {
        what: `lock ${name}`,
        ttlMs,
        ask: (leaseId, waitMs) => {
          const holder = holderOf(options, leaseId);
          const fields = { ...holder, ttlMs, leaseId, ...(mode === undefined ? {} : { mode }) };
          if (!contended) return orSpent(this.calls.acquire(name, fields));
          return askWaiting(this.transport, { path, fields, waitMs, signal, affinity: name });
        },
        waitedMs: (grant) => grant.waitedMs,
        renew: async (leaseId, timeoutMs, leftMs) =>
          (await this.calls.renew(name, { leaseId, ttlMs }, timeoutMs, leftMs)).sentAt,
        giveBack: (leaseId) => this.calls.release(name, leaseId, contended),
        hold: (grant, term, giveBack) => new Lease(grant, term, giveBack, this.holdings),
      },
      options,
      this.transport,
      this.holdings,
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
  async acquireAll(locks: readonly LockWish[], options: HoldOptions = {}): Promise<LeaseSet> {
    const { signal } = options;
    const ttlMs = ttlOf(options.ttlMs);
    const { wishes, names, affinity } = wishesOf(locks);
    return obtain<GrantSet, LeaseSet>(
      {
        what: `locks ${names.join(', ')}`,
        ttlMs,
        ask: (leaseId, waitMs) => {
          const fields = { ...holderOf(options, leaseId), ttlMs, leaseId, locks: wishes };
          return askWaiting(this.transport, { path: '/v1/locks/acquire', fields, waitMs, signal, affinity });
        },
        waitedMs: (grant) => Math.min(...grant.leases.map((lease) => lease.waitedMs)),
        renew: async (leaseId, attemptTimeoutMs, timeoutMs) => {
          const call = lockCall('/v1/locks/renew', { leaseId, names, ttlMs });
          return (await this.transport.call({ ...call, attemptTimeoutMs, timeoutMs })).sentAt;
        },
        giveBack: (leaseId) => this.transport.call(lockCall('/v1/locks/release', { leaseId, names })),
        hold: (grant, term, giveBack) =>
          new LeaseSet(grant.leaseId, grant.leases, term, giveBack, this.holdings),
      },
      options,
      this.transport,
      this.holdings,
    );
  }

  /** Runs a routine under several locks; see {@link using}. */
  async usingAll<T>(
    locks: readonly LockWish[],
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
    return new Semaphore(this.transport, this.holdings, nameOf(name), limit);
  }

  /** Opens a session: its leases live as long as it is kept alive, by one call for all of them. */
  session(options: SessionOptions = {}): Promise<Session> {
    return Session.open(this.transport, this.holdings, options);
  }

  /**
   * Stands for election until `options.signal` aborts or `lead` returns: when elected, runs `lead`; when its
   * leadership is lost, waits for `lead` to end and stands again. Returns what `lead` returns, and then resigns.
   * Nodes or a Redis that are away, and whatever else passes, do not end the candidacy.
   *
   * @throws what `lead` throws while it leads, and the reason of `options.signal`
   * @throws {ProblemError} the nodes refuse the request itself: {ValidationError}, {ForbiddenError}, ...
   * @throws {ConnectionError} the client was closed
   */
  elect<T>(
    name: string,
    options: Candidacy,
    lead: (lease: Lease, signal: AbortSignal) => T | Promise<T>,
  ): Promise<T> {
    return elect(this, this.transport, name, options, lead);
  }

  /**
   * The leader now, then each change: its lease as others see it, or null while there is none. Ends when `signal` aborts
   * or the client is closed. When its node says nothing any more it goes on at another one, within seconds.
   *
   * @throws {ProblemError} the nodes refuse the request itself: {ValidationError}, {ForbiddenError}, ...
   */
  observe(name: string, signal: AbortSignal): AsyncGenerator<Holder | null, void, void> {
    return observe(this, this.transport, name, signal);
  }

  /** Whether no larger token was granted: for a resource that cannot compare tokens itself. */
  async verify(name: string, fencingToken: string): Promise<Verified> {
    return timed<Verified>(
      await this.transport.call(
        lockCall(`/v1/locks/${encodeURIComponent(nameOf(name))}/verify`, { fencingToken }),
      ),
    ).body;
  }

  /** A lock as it is now: holders, waiters, token. */
  async inspect(name: string, signal?: AbortSignal): Promise<Lock> {
    return this.transport.json({
      method: 'GET',
      path: `/v1/locks/${encodeURIComponent(nameOf(name))}`,
      idempotent: true,
      signal,
    });
  }

  /** Takes a lock away from its holders, for operators. Returns the ids of their leases. */
  async revoke(name: string, reason?: string): Promise<readonly string[]> {
    const body = JSON.stringify(reason === undefined ? {} : { reason });
    const path = `/v1/locks/${encodeURIComponent(nameOf(name))}`;
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

  /** Ends all connections; calls that run fail. What is held is released before with `releaseOnClose`. */
  async close(): Promise<void> {
    await this.holdings.close(this.releaseOnClose);
    await this.transport.close();
  }

  /** For `await using`: as {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
