import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { LeaseMode } from '@syncline/contracts';
import { abortable } from '../abortable.js';
import { clock } from '../clock.js';
import { duration } from '../durations.js';
import { ConnectionError, DeadlineError, LeaseLostError, ProblemError, ValidationError } from '../errors.js';
import type { Transport } from '../transport/transport.js';
import type { Holding } from './holding.js';
import type { Holdings } from './holdings.js';
import type { Timed } from './lock-calls.js';
import { dueAfter, isSurelyHeld, Term } from './term.js';

/** Whether to wait for what is taken. */
export interface WaitOptions {
  /**
   * How long to wait for it. Default 0: fail at once with {@link LockHeldError}. `Infinity`: for ever; a wait keeps its
   * place in the line however long it is.
   */
  readonly waitMs?: number;
  /** Ends the wait, and aborts the signal that a routine is given. */
  readonly signal?: AbortSignal;
}

/** A lock among several that are taken together. */
export type LockWish = string | { readonly name: string; readonly mode?: LeaseMode };

/** How long something is held without a sign of this process, and by whom. */
export interface HoldOptions extends WaitOptions {
  /** Life of the lease without renewal. Default 30,000; 100 to 86,400,000. Renewed at a third of it. */
  readonly ttlMs?: number;
  /**
   * Who holds it; deadlocks are found between owners. Default: an owner of its own for each call. Give the same one
   * to all the leases of one job, such as `lease.owner` of the first.
   */
  readonly owner?: string;
  /** Shown to whoever looks at the lock. At most 4,096 bytes of JSON. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

const DEFAULT_TTL_MS = 30_000;
/** A renewal that is answered later than the TTL is of no use, but tells that the lease is over. */
const SLOW_ANSWER_MS = 1_000;
const PROCESS = `${hostname().replace(/[^A-Za-z0-9._-]/g, '-')}:${process.pid}`;

/** @throws {ValidationError} it is no life of a lease or session */
export const ttlOf = (ttlMs: unknown = DEFAULT_TTL_MS): number =>
  duration('ttlMs', ttlMs, { min: 100, max: 86_400_000 });

/** @throws {ValidationError} it is no text: which texts are names is for the nodes to say */
export function nameOf(name: unknown): string {
  if (typeof name === 'string' && !/\p{Surrogate}/u.test(name)) return name;
  throw ValidationError.local('name', 'expected 1 to 256 characters out of A-Z a-z 0-9 . _ : / @ { } -');
}

/** Several locks as the nodes want them. */
export function wishesOf(locks: readonly LockWish[]) {
  const wishes = locks.map((lock) => (typeof lock === 'object' ? lock : { name: lock }));
  const names = wishes.map(({ name }) => nameOf(name));
  return { wishes, names, affinity: names[0] ?? '' };
}

/** How a lock is taken and held. */
export interface AcquireOptions extends HoldOptions {
  /** Default `exclusive`. Shared leases of a name are held together. */
  readonly mode?: LeaseMode;
}

/** Fields of the body that say who holds it. */
export function holderOf({ owner, metadata }: HoldOptions, leaseId: string) {
  return { owner: owner ?? `${PROCESS}:${leaseId}`, ...(metadata === undefined ? {} : { metadata }) };
}

/** The lease id is spent: it was granted, and that was over before this client heard of it. */
export class Spent extends Error {
  constructor(override readonly cause: LeaseLostError) {
    super(cause.message, { cause });
  }
}

/** How one kind of thing is taken and held. */
export interface Kind<Body, Held extends Holding> {
  /** Named in errors, as in `lock invoice-42`. */
  readonly what: string;
  readonly ttlMs: number;
  /** @throws {Spent} */
  ask(leaseId: string, waitMs: number): Promise<Timed<Body>>;
  /** How long the grant waited in the line. */
  waitedMs(body: Body): number;
  /** Returns when the request was sent; see {@link Term}. */
  renew(leaseId: string, timeoutMs: number, leftMs: number): Promise<number>;
  giveBack(leaseId: string): Promise<unknown>;
  hold(body: Body, term: Term, giveBack: () => Promise<unknown>): Held;
}

/** Takes something and keeps it renewed. */
export function obtain<Body, Held extends Holding>(
  kind: Kind<Body, Held>,
  options: WaitOptions,
  transport: Transport,
  holdings: Holdings,
): Promise<Held> {
  const take = async (leaseId: string, waitMs: number) => {
    // Who stands again while its client ends would take what was just given back.
    if (holdings.isClosing) throw new ConnectionError('The client was closed', 'not-sent');
    const granted = await kind.ask(leaseId, waitMs);
    const since = await surelyHeldSince(kind, leaseId, granted, transport.timeoutMs);
    if (holdings.isClosing) throw new ConnectionError('The client was closed', 'unknown');
    const { what, ttlMs } = kind;
    const renew = (timeoutMs: number, leftMs: number) => kind.renew(leaseId, timeoutMs, leftMs);
    return kind.hold(granted.body, new Term({ what, ttlMs, since, renew }), () => kind.giveBack(leaseId));
  };
  return taking(options, transport.timeoutMs, take, (leaseId) => kind.giveBack(leaseId));
}

/**
 * Takes something by an id, and by another one when that turns out to be spent. What the caller does not get is given
 * back.
 */
export async function taking<H extends { release(): Promise<unknown> }>(
  { waitMs: wanted = 0, signal }: WaitOptions,
  timeoutMs: number,
  take: (leaseId: string, waitMs: number) => Promise<H>,
  giveBack: (leaseId: string) => Promise<unknown>,
): Promise<H> {
  const waitMs = duration('waitMs', wanted, { forever: 'to wait for ever' });
  const startedAt = performance.now();
  for (let left = waitMs; ; ) {
    signal?.throwIfAborted();
    const leaseId = randomUUID();
    try {
      return await orGiveBack(take(leaseId, left), signal, () => giveBack(leaseId));
    } catch (error) {
      if (!(error instanceof Spent)) throw error;
      const passedMs = performance.now() - startedAt;
      if (passedMs > waitMs + timeoutMs)
        throw new DeadlineError(tooLate('Each grant'), { cause: error.cause });
      if (waitMs > 0) left = Math.max(1, waitMs - passedMs);
    }
  }
}

/** @param giveBack called at most once; its failure does not matter: the TTL ends what it missed */
async function orGiveBack<H extends { release(): Promise<unknown> }>(
  taking: Promise<H>,
  signal: AbortSignal | undefined,
  giveBack: () => Promise<unknown>,
): Promise<H> {
  try {
    return await abortable(taking, signal);
  } catch (error) {
    if (signal?.aborted || !meansNothingHeld(error)) {
      void taking.then((held) => held.release(), giveBack).catch(() => undefined);
    }
    throw error;
  }
}

/** A refusal by what the nodes know of the lease. After all else, an earlier attempt may have been granted. */
const meansNothingHeld = (error: unknown): boolean =>
  error instanceof Spent || (error instanceof ProblemError && [400, 409, 410].includes(error.status));

/**
 * A moment before which the time of a grant surely had not begun, by which it still is held. It began when the request
 * that was granted had reached Redis and had waited there: not before the first request that may have been granted
 * was sent, and `waitedMs` were over. Where that is long ago, because something interrupted the requests, a renewal
 * begins its time anew: nobody is to get a lease that is nearly over.
 *
 * @throws {Spent} it is over
 */
async function surelyHeldSince<Body>(
  kind: Kind<Body, Holding>,
  leaseId: string,
  { body, firstSentAt }: Timed<Body>,
  timeoutMs: number,
): Promise<number> {
  const { what, ttlMs } = kind;
  const now = clock.now();
  const granted = Math.min(firstSentAt + kind.waitedMs(body), now);
  if (now - granted < dueAfter(ttlMs)) return granted;
  for (let leftMs = timeoutMs; leftMs > 0; leftMs = timeoutMs - (clock.now() - now)) {
    try {
      const renewed = await orSpent(kind.renew(leaseId, Math.max(ttlMs, SLOW_ANSWER_MS), leftMs));
      if (isSurelyHeld(ttlMs, renewed)) return renewed;
    } catch (error) {
      if (error instanceof Spent || !isSurelyHeld(ttlMs, granted)) throw error;
      return granted;
    }
  }
  throw new DeadlineError(tooLate(what));
}

const tooLate = (what: string) =>
  `${what} was over before this client heard of it: its ttlMs is shorter than answers take. Nothing is held`;

/** A loss that a node tells of a lease that nobody held yet. */
export async function orSpent<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    throw error instanceof LeaseLostError ? new Spent(error) : error;
  }
}
