import { setTimeout as sleep } from 'node:timers/promises';
import type { Holder, Lock } from '@syncline/contracts';
import {
  DeadlockError,
  LeaseLostError,
  ProblemError,
  SynclineError,
  UnexpectedAnswerError,
} from '../errors.js';
import type { Transport } from '../transport/transport.js';
import { type AcquireOptions, nameOf } from './acquisition.js';
import { runHolding } from './holding.js';
import type { Lease } from './leases.js';

const PAUSE_MS = 500;
const NEVER = new AbortController().signal;
const DEFAULT_TTL_MS = 5_000;

/** Who stands in an election, and for how long. */
export interface Candidacy {
  /** After how long without renewal another candidate leads. Default 5,000. */
  readonly ttlMs?: number;
  /** Name of this candidate, seen by observers. Default: a name of its own. Several may have the same. */
  readonly owner?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Ends the candidacy. */
  readonly signal?: AbortSignal;
}

/** The lock whose holder leads, seen by candidates and observers. */
interface ElectionLock {
  acquire(name: string, options: AcquireOptions): Promise<Lease>;
  inspect(name: string, signal?: AbortSignal): Promise<Lock>;
  observe(name: string, signal: AbortSignal): AsyncIterable<Holder | null>;
}

/** Statuses by which a node refuses the request itself: it would refuse it again. 409 and 410 tell of the state. */
const REFUSALS = [400, 401, 403, 404, 405, 413, 414, 431];

/** Whether standing again is of no use; all else passes. */
const isFinal = (error: unknown): boolean =>
  error instanceof ProblemError || error instanceof UnexpectedAnswerError
    ? REFUSALS.includes(error.status)
    : !(error instanceof SynclineError);

export async function elect<T>(
  lock: ElectionLock,
  transport: Transport,
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
      if (isFinal(error) || transport.isClosed) throw error;
      await pause(signal);
      // Waiting for one's own name is no deadlock here: another replica leads, and will end.
      if (error instanceof DeadlockError) await endOf(lock.observe(name, signal ?? NEVER), options.owner);
      continue;
    }
    try {
      return await runHolding(lease, signal, lead);
    } catch (error) {
      signal?.throwIfAborted();
      // Its own errors are the caller's; those that come from the loss of its leadership are not.
      if (!lease.signal.aborted || !isOfLoss(error, lease.signal)) throw error;
    }
  }
}

/** Waits until somebody else leads, or nobody. */
async function endOf(leaders: AsyncIterable<Holder | null>, owner: string | undefined): Promise<void> {
  let token: string | undefined;
  for await (const leader of leaders) {
    if (leader === null || leader.owner !== owner) return;
    token ??= leader.fencingToken;
    if (leader.fencingToken !== token) return;
  }
}

const isOfLoss = (error: unknown, lost: AbortSignal) =>
  error === lost.reason ||
  error instanceof LeaseLostError ||
  (error instanceof Error && (error.name === 'AbortError' || error.cause === lost.reason));

export async function* observe(
  lock: ElectionLock,
  transport: Transport,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<Holder | null, void, void> {
  const path = `/v1/locks/${encodeURIComponent(nameOf(name))}/events`;
  let told: string | null | undefined;
  while (!signal.aborted && !transport.isClosed) {
    try {
      const body = await transport.events(path, { accept: 'text/event-stream' }, signal);
      // The state after the events began: nothing falls between the two. An event only says that it may have changed.
      let changed = true;
      const events = body[Symbol.asyncIterator]();
      try {
        while (changed) {
          const [holder = null] = (await lock.inspect(name, signal)).holders;
          const token = holder?.fencingToken ?? null;
          if (token !== told) {
            told = token;
            yield holder;
          }
          changed = await nextEvent(events);
        }
      } finally {
        body.destroy();
      }
    } catch (error) {
      if (signal.aborted || transport.isClosed) return;
      if (isFinal(error) && !isBroken(error)) throw error;
    }
    await pause(signal).catch(() => undefined);
  }
}

/** Only a sign of life of the node: comment lines. */
const SIGN_OF_LIFE = /^(:[^\n]*\n+)+$/;

/** Waits for what may be an event, whole or in part. False: the stream has ended. */
async function nextEvent(events: AsyncIterator<Buffer>): Promise<boolean> {
  for (;;) {
    const { done, value } = await events.next();
    if (done) return false;
    if (!SIGN_OF_LIFE.test(value.toString())) return true;
  }
}

/** A stream that ended in the middle: its node went away. */
const isBroken = (error: unknown) =>
  error instanceof Error &&
  !(error instanceof SynclineError) &&
  ('code' in error || error.name === 'AbortError');

/** Spread, so that those who were stopped by one thing do not come back together. */
async function pause(signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(PAUSE_MS * (0.5 + Math.random()), undefined, signal === undefined ? undefined : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
