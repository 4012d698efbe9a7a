import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { abortable } from '../abortable.js';
import { LeaseLostError, ProblemError } from '../errors.js';
import type { Transport } from '../transport/transport.js';
import type { Timed } from './lock-calls.js';
import { lockCall, timed } from './lock-calls.js';
import { Term } from './term.js';

/** Whether to wait for what is taken. */
export interface WaitOptions {
  /** How long to wait for it. Default 0: fail at once with {@link LockHeldError}. At most 600,000. */
  readonly waitMs?: number;
  /** Ends the wait, and aborts the signal that a routine is given. */
  readonly signal?: AbortSignal;
}

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

export const DEFAULT_TTL_MS = 30_000;
const PROCESS = `${hostname().replace(/[^A-Za-z0-9._-]/g, '-')}:${process.pid}`;

/** Fields of the body that all acquisitions have. */
export function wishOf(options: HoldOptions, leaseId: string) {
  const { ttlMs = DEFAULT_TTL_MS, owner = `${PROCESS}:${leaseId}`, metadata } = options;
  return { owner, ttlMs, leaseId, ...(metadata === undefined ? {} : { metadata }) };
}

export const newId = (): string => randomUUID();

/** An acquisition that may wait: its request is its own, and what is left of the wait shrinks with each attempt. */
export async function acquireWaiting<T>(
  transport: Transport,
  path: string,
  fields: Readonly<Record<string, unknown>>,
  options: WaitOptions,
  affinity: string,
): Promise<Timed<T>> {
  const { waitMs = 0, signal } = options;
  const startedAt = performance.now();
  const body = () => {
    const left = Math.max(0, Math.round(waitMs - (performance.now() - startedAt)));
    return JSON.stringify({ ...fields, waitMs: left });
  };
  return timed(
    await transport.call({
      ...lockCall(path, undefined),
      body,
      waitMs,
      signal,
      ...(waitMs > 0 ? { affinity } : {}),
    }),
  );
}

/**
 * Sees to it that a grant which the caller does not get to know about is given back.
 *
 * @param giveBack releases; called at most once, its failure does not matter: the TTL ends what it missed
 */
export async function orGiveBack<T>(
  acquiring: Promise<T>,
  signal: AbortSignal | undefined,
  giveBack: () => Promise<unknown>,
): Promise<T> {
  try {
    return await abortable(acquiring, signal);
  } catch (error) {
    // A refusal means that nothing was granted, all else that we do not know.
    if (!(error instanceof ProblemError) || error.status >= 500) {
      void acquiring.then(giveBack, giveBack).catch(() => undefined);
    }
    throw error;
  }
}

/**
 * The term of a grant. Its TTL began at the grant: `waitedMs` after the request reached Redis, so not before
 * `waitedMs` after it was sent; and not before it was sent, whatever Redis's clock says.
 *
 * @throws {LeaseLostError} the answer took longer than the lease lives
 */
export function termOf(
  what: string,
  ttlMs: number,
  firstSentAt: number,
  waitedMs: number,
  renew: (timeoutMs: number, leftMs: number) => Promise<number>,
): Term {
  const since = Math.min(firstSentAt + waitedMs, performance.now());
  const term = new Term({ what, ttlMs, since, renew });
  if (term.remainingMs > 0) return term;
  term.end();
  throw LeaseLostError.local(`${what} was granted, but the answer came after its ${ttlMs} ms`);
}
