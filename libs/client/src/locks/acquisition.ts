import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { LeaseMode } from '@syncline/contracts';
import { abortable } from '../abortable.js';
import { clock } from '../clock.js';
import { duration } from '../durations.js';
import { ConnectionError, DeadlineError, LeaseLostError, ProblemError, ValidationError } from '../errors.js';
import type { Holding } from './holding.js';
import type { Holdings } from './holdings.js';
import type { CallLimits, LockPort, Timed } from './lock-port.js';
import { isSurelyHeld, renewAfter, Term } from './term.js';

/** Whether and how long to wait. */
export interface WaitOptions {
  /**
   * How long to wait for the lock. Default 0: fail at once with {@link LockHeldError}. `Infinity`: for ever. A wait of any
   * length keeps its place in the line.
   */
  readonly waitMs?: number;
  /** Ends the wait, and aborts the signal that a routine gets. */
  readonly signal?: AbortSignal;
}

/** One of several locks that are acquired together. */
export type LockWish = string | { readonly name: string; readonly mode?: LeaseMode };

/** TTL and owner of a lease. */
export interface HoldOptions extends WaitOptions {
  /** TTL of the lease without renewal. Default 30,000; 100 to 86,400,000. The client renews at a third of it. */
  readonly ttlMs?: number;
  /**
   * Who holds the lock; deadlocks are detected between owners. Default: a new owner for each call. Use one owner for all
   * leases of one job, such as `lease.owner` of the first.
   */
  readonly owner?: string;
  /** Shown to everybody who inspects the lock. At most 4,096 bytes of JSON. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

const DEFAULT_TTL_MS = 30_000;
/** Shortest timeout of a renewal. An answer later than the TTL cannot save the lease, but says whether it is over. */
const SLOW_ANSWER_MS = 1_000;
const PROCESS = `${hostname().replace(/[^A-Za-z0-9._-]/g, '-')}:${process.pid}`;

/** @throws {ValidationError} not a valid TTL of a lease or session */
export const ttlOf = (ttlMs: unknown = DEFAULT_TTL_MS): number =>
  duration('ttlMs', ttlMs, { min: 100, max: 86_400_000 });

/** @throws {ValidationError} not a well-formed string. The nodes check the rest of the rules for names */
export function nameOf(name: unknown): string {
  if (typeof name === 'string' && !/\p{Surrogate}/u.test(name)) return name;
  throw ValidationError.local('name', 'expected 1 to 256 characters out of A-Z a-z 0-9 . _ : / @ { } -');
}

/** Several locks as a request names them. */
export function requestedLocks(given: readonly LockWish[]) {
  const locks = given.map((lock) => (typeof lock === 'object' ? lock : { name: lock }));
  return { locks, names: locks.map(({ name }) => nameOf(name)) };
}

/** How to acquire and hold a lock. */
export interface AcquireOptions extends HoldOptions {
  /** Default `exclusive`. Several owners can hold shared leases of a name at once. */
  readonly mode?: LeaseMode;
}

/** The fields of a request that name the holder. */
export function holderOf({ owner: given, metadata }: HoldOptions, leaseId: string) {
  const owner = given ?? `${PROCESS}:${leaseId}`;
  if (typeof owner !== 'string') throw ValidationError.local('owner', 'expected a string');
  return { owner, metadata };
}

/** A lease was granted under this id, but it ended before this client got the answer. The id cannot be used again. */
export class SpentLeaseId extends Error {
  constructor(override readonly cause: LeaseLostError) {
    super(cause.message, { cause });
  }
}

/** A lock, a set of locks or permits that can be acquired, renewed and released. */
export interface Resource<Body, Held extends Holding> {
  /** Its name in errors, as in `lock invoice-42`. */
  readonly what: string;
  readonly ttlMs: number;
  /** @throws {SpentLeaseId} */
  acquire(leaseId: string, waitMs: number): Promise<Timed<Body>>;
  /** How long the granted request waited in the line. */
  waitedMs(body: Body): number;
  renew(leaseId: string, limits: CallLimits): Promise<Pick<Timed<unknown>, 'sentAt'>>;
  release(leaseId: string): Promise<unknown>;
  hold(body: Body, term: Term, release: () => Promise<unknown>): Held;
}

/** Acquires a resource and keeps it renewed. */
export function acquireAndHold<Body, Held extends Holding>(
  resource: Resource<Body, Held>,
  options: WaitOptions,
  port: LockPort,
  holdings: Holdings,
): Promise<Held> {
  const acquire = async (leaseId: string, waitMs: number) => {
    // While the client closes, a candidate must not take the lock again that was just released.
    if (holdings.isClosing) throw new ConnectionError('The client was closed', 'not-sent');
    const granted = await resource.acquire(leaseId, waitMs);
    const since = await surelyHeldSince(resource, leaseId, granted, port.timeoutMs);
    if (holdings.isClosing) throw new ConnectionError('The client was closed', 'unknown');
    const { what, ttlMs } = resource;
    const renew = (limits: CallLimits) => resource.renew(leaseId, limits);
    const term = new Term({ what, ttlMs, since, renew });
    return resource.hold(granted.body, term, () => resource.release(leaseId));
  };
  return acquireWithNewIds(options, port.timeoutMs, acquire, (leaseId) => resource.release(leaseId));
}

/** Acquires under a new lease id, and again under another one when that id is spent. Releases what the caller does not get. */
export async function acquireWithNewIds<H extends { release(): Promise<unknown> }>(
  { waitMs: wanted = 0, signal }: WaitOptions,
  timeoutMs: number,
  acquire: (leaseId: string, waitMs: number) => Promise<H>,
  release: (leaseId: string) => Promise<unknown>,
): Promise<H> {
  const waitMs = duration('waitMs', wanted, { forever: 'to wait for ever' });
  const startedAt = performance.now();
  for (let left = waitMs; ; ) {
    signal?.throwIfAborted();
    const leaseId = randomUUID();
    try {
      return await releasedOnFailure(acquire(leaseId, left), signal, () => release(leaseId));
    } catch (error) {
      if (!(error instanceof SpentLeaseId)) throw error;
      const passedMs = performance.now() - startedAt;
      if (passedMs > waitMs + timeoutMs)
        throw new DeadlineError(tooLate('Each grant'), { cause: error.cause });
      if (waitMs > 0) left = Math.max(1, waitMs - passedMs);
    }
  }
}

/** @param release called at most once; if it fails, the lease ends with its TTL */
async function releasedOnFailure<H extends { release(): Promise<unknown> }>(
  acquiring: Promise<H>,
  signal: AbortSignal | undefined,
  release: () => Promise<unknown>,
): Promise<H> {
  try {
    return await abortable(acquiring, signal);
  } catch (error) {
    if (signal?.aborted || !meansNothingHeld(error)) {
      void acquiring.then((held) => held.release(), release).catch(() => undefined);
    }
    throw error;
  }
}

/** With these errors no lease is held. After any other error, an earlier attempt may have been granted. */
const meansNothingHeld = (error: unknown): boolean =>
  error instanceof SpentLeaseId || (error instanceof ProblemError && [400, 409, 410].includes(error.status));

/**
 * A time before which the TTL of the grant cannot have started, and from which the lease is still held. The TTL starts
 * when Redis grants the request: not before the first request that may have been granted was sent, plus `waitedMs`. If
 * that is long ago because the requests were interrupted, the lease is renewed first, so that no caller gets a lease
 * that is nearly over.
 *
 * @throws {SpentLeaseId} the lease is over
 */
async function surelyHeldSince<Body>(
  resource: Resource<Body, Holding>,
  leaseId: string,
  { body, firstSentAt }: Timed<Body>,
  timeoutMs: number,
): Promise<number> {
  const { what, ttlMs } = resource;
  const now = clock.now();
  const granted = Math.min(firstSentAt + resource.waitedMs(body), now);
  if (now - granted < renewAfter(ttlMs)) return granted;
  for (let leftMs = timeoutMs; leftMs > 0; leftMs = timeoutMs - (clock.now() - now)) {
    try {
      const limits = { attemptTimeoutMs: Math.max(ttlMs, SLOW_ANSWER_MS), timeoutMs: leftMs };
      const { sentAt } = await spentWhenLost(resource.renew(leaseId, limits));
      if (isSurelyHeld(ttlMs, sentAt)) return sentAt;
    } catch (error) {
      if (error instanceof SpentLeaseId || !isSurelyHeld(ttlMs, granted)) throw error;
      return granted;
    }
  }
  throw new DeadlineError(tooLate(what));
}

const tooLate = (what: string) =>
  `${what} ended before this client got the answer: its ttlMs is shorter than an answer takes. Nothing is held`;

/** A lease that is lost before the caller got it: its id is spent. */
export async function spentWhenLost<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    throw error instanceof LeaseLostError ? new SpentLeaseId(error) : error;
  }
}
