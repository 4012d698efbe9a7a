import type {
  Cluster,
  Deadlocks,
  Lease as Grant,
  LeaseSet as GrantSet,
  Holder,
  Lock,
  Semaphore as SemaphoreState,
  SessionDetails,
  Session as SessionState,
  Verified,
  WaitList,
} from '@syncline/contracts';
import { itemsOf } from '../pages.js';
import type { TransportOptions } from '../transport/transport.js';
import {
  type AcquireOptions,
  acquireAndHold,
  type HoldOptions,
  holderOf,
  type LockWish,
  nameOf,
  requestedLocks,
  spentWhenLost,
  ttlOf,
} from './acquisition.js';
import { type Candidacy, elect, observe } from './election.js';
import { runHolding } from './holding.js';
import { Holdings } from './holdings.js';
import { HttpLocks } from './http-locks.js';
import { Lease, LeaseSet } from './leases.js';
import type { LockPort } from './lock-port.js';
import { Semaphore } from './semaphore.js';
import { Session, type SessionOptions } from './session.js';
import { tracedLocks } from './traced-locks.js';
import { acquireWaiting } from './waiting.js';

/** Which lock nodes to call, and whether to release everything on close. */
export interface LockClientOptions extends TransportOptions {
  /**
   * Whether {@link LockClient.close} first releases everything that this client holds: leases, permits, sessions,
   * leaderships. Their signals abort, and routines that run under them have 5 s to end. Default false: they end with
   * their TTL.
   */
  readonly releaseOnClose?: boolean | undefined;
}

/** A client over another way to the engine. */
export interface LockPortOptions extends Pick<LockClientOptions, 'releaseOnClose' | 'tracing'> {
  readonly port: LockPort;
}

/** Locks, semaphores, sessions and elections. */
export class LockClient implements AsyncDisposable {
  private readonly port: LockPort;
  private readonly holdings = new Holdings();
  private readonly releaseOnClose: boolean;

  constructor(options: LockClientOptions);
  /** @internal */
  constructor(options: LockClientOptions | LockPortOptions);
  constructor({ releaseOnClose = false, ...options }: LockClientOptions | LockPortOptions) {
    const port = 'port' in options ? options.port : new HttpLocks(options);
    this.port = options.tracing === undefined ? port : tracedLocks(port, options.tracing);
    this.releaseOnClose = releaseOnClose;
  }

  /**
   * Acquires a lock and renews it until it is released: `await using lease = await lock.acquire('invoice-42')`. While the
   * lock is held, the process stays alive.
   *
   * @throws {LockHeldError} another owner holds the lock and `waitMs` is 0
   * @throws {WaitTimeoutError} `waitMs` is over
   * @throws {DeadlockError} the owners wait for each other
   * @throws {ValidationError} the name or an option is not valid
   * @throws the reason of `options.signal`
   */
  async acquire(name: string, options: AcquireOptions = {}): Promise<Lease> {
    nameOf(name);
    const { port } = this;
    const { mode, signal } = options;
    const ttlMs = ttlOf(options.ttlMs);
    const contended = options.waitMs !== undefined && options.waitMs !== 0;
    return acquireAndHold<Grant, Lease>(
      {
        what: `lock ${name}`,
        ttlMs,
        acquire: (leaseId, waitMs) => {
          const request = { ...holderOf(options, leaseId), ttlMs, leaseId, mode };
          if (!contended) return spentWhenLost(port.acquireLock(name, request, { waitMs: 0 }));
          return acquireWaiting({ waitMs, signal }, (wait) => port.acquireLock(name, request, wait));
        },
        waitedMs: (grant) => grant.waitedMs,
        renew: (leaseId, limits) => port.renewLock(name, leaseId, ttlMs, limits),
        release: (leaseId) => port.releaseLock(name, leaseId, contended),
        hold: (grant, term, release) => new Lease(grant, term, release, this.holdings),
      },
      options,
      port,
      this.holdings,
    );
  }

  /**
   * Runs a routine under a lock. The signal of the routine aborts when the lease is lost or `options.signal` aborts. The
   * lock is released when the routine ends.
   *
   * @throws what the routine throws, always
   * @throws {LeaseLostError} the routine returned, but the lease was lost before
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
   * Acquires several locks, all or none, under one deadline. At most 32. Calls with the same locks in different orders do
   * not deadlock.
   *
   * @throws as {@link acquire}; {CrossSlotError} on Redis Cluster, when the names do not share a `{tag}`
   */
  async acquireAll(locks: readonly LockWish[], options: HoldOptions = {}): Promise<LeaseSet> {
    const { port } = this;
    const { signal } = options;
    const ttlMs = ttlOf(options.ttlMs);
    const { locks: requested, names } = requestedLocks(locks);
    return acquireAndHold<GrantSet, LeaseSet>(
      {
        what: `locks ${names.join(', ')}`,
        ttlMs,
        acquire: (leaseId, waitMs) => {
          const request = { ...holderOf(options, leaseId), ttlMs, leaseId, locks: requested };
          return acquireWaiting({ waitMs, signal }, (wait) => port.acquireSet(request, wait));
        },
        waitedMs: (grant) => Math.min(...grant.leases.map((lease) => lease.waitedMs)),
        renew: (leaseId, limits) => port.renewSet({ leaseId, names }, ttlMs, limits),
        release: (leaseId) => port.releaseSet({ leaseId, names }),
        hold: (grant, term, release) =>
          new LeaseSet(grant.leaseId, grant.leases, term, release, this.holdings),
      },
      options,
      port,
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
   * @param limit number of permits. The first caller sets it; a different limit later is a {@link LimitMismatchError}
   */
  semaphore(name: string, limit?: number): Semaphore {
    return new Semaphore(this.port, this.holdings, nameOf(name), limit);
  }

  /** Opens a session: one keep-alive call renews all of its leases. */
  session(options: SessionOptions = {}): Promise<Session> {
    return Session.open(this.port, this.holdings, options);
  }

  /**
   * Takes part in an election until `options.signal` aborts or `lead` returns. When elected, runs `lead`. When the
   * leadership is lost, waits for `lead` to end and takes part again. When `lead` returns, resigns and returns its result.
   * Temporary failures, such as unreachable nodes or an unreachable Redis, do not end the candidacy.
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
    return elect(this, this.port, name, options, lead);
  }

  /**
   * The current leader, then each change: the lease of the leader as others see it, or null while there is none. Ends when
   * `signal` aborts or the client is closed. When the node stops answering, it continues at another node within seconds.
   *
   * @throws {ProblemError} the nodes refuse the request itself: {ValidationError}, {ForbiddenError}, ...
   */
  observe(name: string, signal: AbortSignal): AsyncGenerator<Holder | null, void, void> {
    return observe(this.port, name, signal);
  }

  /**
   * Gives a lease that this client does not hold, by its id, `ttlMs` from now on: another process acquired it, perhaps. What
   * this client acquired it renews by itself.
   *
   * @param ttlMs default 30,000; 100 to 86,400,000
   * @throws {LeaseLostError} the lease is over
   */
  async extend(name: string, leaseId: string, ttlMs?: number): Promise<Grant> {
    const { timeoutMs } = this.port;
    const limits = { timeoutMs, attemptTimeoutMs: timeoutMs };
    return (await this.port.renewLock(nameOf(name), leaseId, ttlOf(ttlMs), limits)).body;
  }

  /**
   * Releases a lease that this client does not hold, by its id. Again within 5 minutes does nothing.
   *
   * @throws {LeaseLostError} the lease expired or was revoked
   */
  async release(name: string, leaseId: string): Promise<void> {
    await this.port.releaseLock(nameOf(name), leaseId, true);
  }

  /** Whether a token is still the largest that was granted: for a resource that cannot compare tokens itself. */
  async verify(name: string, fencingToken: string): Promise<Verified> {
    return this.port.verifyToken(nameOf(name), fencingToken);
  }

  /** The current state of a lock: holders, waiters, token. */
  async inspect(name: string, signal?: AbortSignal): Promise<Lock> {
    return this.port.describeLock(nameOf(name), signal);
  }

  /** Revokes all leases of a lock, for operators. Returns their ids. */
  async revoke(name: string, reason?: string): Promise<readonly string[]> {
    return this.port.revokeLock(nameOf(name), reason);
  }

  /** Locks with holders or waiters, page by page, sorted by name. */
  list(prefix = ''): AsyncGenerator<Lock, void, void> {
    return itemsOf('locks', (from) => this.port.listLocks({ prefix, ...from }));
  }

  /** Semaphores with holders or waiters, page by page, sorted by name. */
  semaphores(prefix = ''): AsyncGenerator<SemaphoreState, void, void> {
    return itemsOf('semaphores', (from) => this.port.listSemaphores({ prefix, ...from }));
  }

  /** Sessions whose owner starts with a prefix (default: all), page by page, in no order. */
  sessions(ownerPrefix = ''): AsyncGenerator<SessionState, void, void> {
    return itemsOf('sessions', (from) => this.port.listSessions({ prefix: ownerPrefix, ...from }));
  }

  /** A session with up to 1,000 of its leases. @throws {NotFoundError} it has ended */
  inspectSession(sessionId: string): Promise<SessionDetails> {
    return this.port.describeSession(sessionId);
  }

  /** Ends a session, whoever opened it, and releases its leases. Nothing happens when it has ended. */
  async endSession(sessionId: string): Promise<void> {
    await this.port.endSession(sessionId);
  }

  /** Requests that wait, and who holds what they wait for: the longest first, about 1,000 at most. */
  async waits(): Promise<WaitList['waits']> {
    return (await this.port.listWaits()).waits;
  }

  /** The last 50 deadlocks of a day, newest first. */
  async deadlocks(): Promise<Deadlocks['deadlocks']> {
    return (await this.port.listDeadlocks()).deadlocks;
  }

  /** The lock nodes, as Redis lists them now. */
  cluster(): Promise<Cluster> {
    return this.port.describeCluster();
  }

  /** Ends all connections; calls in flight fail. With `releaseOnClose`, first releases everything that is held. */
  async close(): Promise<void> {
    await this.holdings.close(this.releaseOnClose);
    await this.port.close();
  }

  /** For `await using`: as {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
