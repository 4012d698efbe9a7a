import type {
  Cluster,
  Deadlocks,
  KeptSession,
  Lease,
  LeaseMode,
  LeaseSet,
  Lock,
  LockPage,
  OpenedSession,
  Semaphore,
  SemaphorePage,
  SessionDetails,
  Sessions,
  Verified,
  WaitList,
} from '@syncline/contracts';

/** An answer with two times of the client's clock. */
export interface Timed<T> {
  readonly body: T;
  /** When the first attempt that may have had an effect was sent. */
  readonly firstSentAt: number;
  /** When the successful attempt was sent. */
  readonly sentAt: number;
}

/** How long a request may stand in the line. */
export interface Wait {
  readonly waitMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Called before each attempt. */
  readonly onAttempt?: () => void;
}

/** How long a call may take. */
export interface CallLimits {
  /** Time after which an answer is useless. */
  readonly timeoutMs: number;
  /** Time after which to try another way, if there is one. */
  readonly attemptTimeoutMs: number;
}

/** What every request for a lease says. With the same `leaseId` it is the same request. */
export interface LeaseRequest {
  readonly leaseId: string;
  readonly owner: string;
  readonly ttlMs?: number;
  readonly sessionId?: string;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

export interface LockRequest extends LeaseRequest {
  readonly mode?: LeaseMode | undefined;
}

export interface SetRequest extends LeaseRequest {
  readonly locks: readonly { readonly name: string; readonly mode?: LeaseMode }[];
}

export interface PermitRequest extends LeaseRequest {
  readonly permits?: number | undefined;
  readonly limit?: number | undefined;
}

/** A page of a listing: of the names, or of the owners of sessions, that start with a prefix. */
export interface NamePage {
  readonly prefix: string;
  readonly cursor?: string;
}

/** A lease of several names. */
export interface HeldSet {
  readonly leaseId: string;
  readonly names: readonly string[];
}

/**
 * The lock engine as the client calls it: at the lock nodes over HTTP, or in this process. Every call has the types, the
 * rules and the errors of the HTTP contract. A call with an id is repeated while Redis cannot be reached, for a few seconds.
 *
 * @throws {ProblemError} the refusal, by its code
 * @throws {ConnectionError} the engine was not reached, or the port was closed
 */
export interface LockPort {
  /** Deadline of a call with all its retries, not counting a wait. */
  readonly timeoutMs: number;
  readonly isClosed: boolean;

  acquireLock(name: string, request: LockRequest, wait: Wait): Promise<Timed<Lease>>;
  renewLock(name: string, leaseId: string, ttlMs: number, limits: CallLimits): Promise<Timed<Lease>>;
  /** @param contended whether others may wait for the name */
  releaseLock(name: string, leaseId: string, contended: boolean): Promise<unknown>;

  acquireSet(request: SetRequest, wait: Wait): Promise<Timed<LeaseSet>>;
  renewSet(set: HeldSet, ttlMs: number, limits: CallLimits): Promise<Timed<LeaseSet>>;
  releaseSet(set: HeldSet): Promise<unknown>;

  acquirePermits(name: string, request: PermitRequest, wait: Wait): Promise<Timed<Lease>>;
  renewPermits(name: string, leaseId: string, ttlMs: number, limits: CallLimits): Promise<Timed<Lease>>;
  releasePermits(name: string, leaseId: string): Promise<unknown>;
  describeSemaphore(name: string): Promise<Semaphore>;
  resizeSemaphore(name: string, limit: number): Promise<unknown>;
  /** Not repeated: a second call would revoke the leases of the next holders. */
  revokePermits(name: string, reason: string | undefined): Promise<readonly string[]>;
  listSemaphores(page: NamePage): Promise<SemaphorePage>;

  openSession(request: Pick<LeaseRequest, 'owner' | 'ttlMs' | 'metadata'>): Promise<Timed<OpenedSession>>;
  keepSession(sessionId: string, limits: CallLimits): Promise<Timed<KeptSession>>;
  /** Also when it is gone. */
  endSession(sessionId: string): Promise<unknown>;
  describeSession(sessionId: string): Promise<SessionDetails>;
  listSessions(page: NamePage): Promise<Sessions>;

  describeLock(name: string, signal?: AbortSignal): Promise<Lock>;
  verifyToken(name: string, fencingToken: string): Promise<Verified>;
  /** Not repeated: a second call would revoke the lease of the next holder. */
  revokeLock(name: string, reason: string | undefined): Promise<readonly string[]>;
  listLocks(page: NamePage): Promise<LockPage>;
  listWaits(): Promise<WaitList>;
  listDeadlocks(): Promise<Deadlocks>;
  /** Yields once when the lock is watched, and then when something may have happened to it. Ends when it is not watched any more. */
  watchLock(name: string, signal: AbortSignal): AsyncIterable<unknown>;
  describeCluster(): Promise<Cluster>;

  /** Ends all connections. Calls in flight, and later ones, fail at once. */
  close(): Promise<void>;
}
