import { setTimeout as sleep } from 'node:timers/promises';
import type { Holder } from '@syncline/contracts';
import {
  DeadlockError,
  LeaseLostError,
  ProblemError,
  SynclineError,
  UnexpectedAnswerError,
} from '../errors.js';
import { type AcquireOptions, nameOf } from './acquisition.js';
import { runHolding } from './holding.js';
import type { Lease } from './leases.js';
import type { LockPort } from './lock-port.js';

const PAUSE_MS = 500;
const NEVER = new AbortController().signal;
const DEFAULT_TTL_MS = 5_000;

/** Options of a candidate in an election. */
export interface Candidacy {
  /** After this time without a renewal another candidate can lead. Default 5,000. */
  readonly ttlMs?: number;
  /** Name of this candidate, visible to observers. Default: a unique name. Several candidates may share one. */
  readonly owner?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Ends the candidacy. */
  readonly signal?: AbortSignal;
}

/** The lock whose holder is the leader. */
interface ElectionLock {
  acquire(name: string, options: AcquireOptions): Promise<Lease>;
  observe(name: string, signal: AbortSignal): AsyncIterable<Holder | null>;
}

/** Statuses of a request that is wrong in itself, so that a retry is useless. 409 and 410 depend on the state. */
const REFUSALS = [400, 401, 403, 404, 405, 413, 414, 431];

/** Whether a retry is useless. All other failures are temporary. */
const isFinal = (error: unknown): boolean =>
  error instanceof ProblemError || error instanceof UnexpectedAnswerError
    ? REFUSALS.includes(error.status)
    : !(error instanceof SynclineError);

export async function elect<T>(
  lock: ElectionLock,
  port: Pick<LockPort, 'isClosed'>,
  name: string,
  options: Candidacy,
  lead: (lease: Lease, signal: AbortSignal) => T | Promise<T>,
): Promise<T> {
  const { ttlMs = DEFAULT_TTL_MS, signal } = options;
  for (;;) {
    let lease: Lease;
    try {
      lease = await lock.acquire(name, { ...options, ttlMs, waitMs: Number.POSITIVE_INFINITY });
    } catch (error) {
      signal?.throwIfAborted();
      if (isFinal(error) || port.isClosed) throw error;
      await pause(signal);
      // Another replica with the same owner leads. That is not a deadlock here: wait until it stops leading.
      if (error instanceof DeadlockError)
        await leaderChange(lock.observe(name, signal ?? NEVER), options.owner);
      continue;
    }
    try {
      return await runHolding(lease, signal, lead);
    } catch (error) {
      signal?.throwIfAborted();
      // The caller gets errors of `lead`, except those that the loss of the leadership caused.
      if (!lease.signal.aborted || !isCausedByLoss(error, lease.signal)) throw error;
    }
  }
}

/** Waits until another candidate leads, or nobody does. */
async function leaderChange(leaders: AsyncIterable<Holder | null>, owner: string | undefined): Promise<void> {
  let token: string | undefined;
  for await (const leader of leaders) {
    if (leader === null || leader.owner !== owner) return;
    token ??= leader.fencingToken;
    if (leader.fencingToken !== token) return;
  }
}

const isCausedByLoss = (error: unknown, lost: AbortSignal) =>
  error === lost.reason ||
  error instanceof LeaseLostError ||
  (error instanceof Error && (error.name === 'AbortError' || error.cause === lost.reason));

export async function* observe(
  port: LockPort,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<Holder | null, void, void> {
  nameOf(name);
  let lastToken: string | null | undefined;
  while (!signal.aborted && !port.isClosed) {
    try {
      // The state is read after the watch started, so that no change is missed.
      for await (const _change of port.watchLock(name, signal)) {
        const [holder = null] = (await port.describeLock(name, signal)).holders;
        const token = holder?.fencingToken ?? null;
        if (token === lastToken) continue;
        lastToken = token;
        yield holder;
      }
    } catch (error) {
      if (signal.aborted || port.isClosed) return;
      if (isFinal(error)) throw error;
    }
    await pause(signal).catch(() => undefined);
  }
}

/** With jitter, so that clients that failed for one reason do not return at the same time. */
async function pause(signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(PAUSE_MS * (0.5 + Math.random()), undefined, signal === undefined ? undefined : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
