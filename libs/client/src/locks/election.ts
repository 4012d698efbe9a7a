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
  inspect(name: string, signal?: AbortSignal): Promise<Lock>;
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
  lock: ElectionLock,
  transport: Transport,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<Holder | null, void, void> {
  const path = `/v1/locks/${encodeURIComponent(nameOf(name))}/events`;
  let lastToken: string | null | undefined;
  while (!signal.aborted && !transport.isClosed) {
    try {
      const body = await transport.events(path, { accept: 'text/event-stream' }, signal);
      // Read the state after the stream started, so that no change is missed. An event only says that it may have changed.
      let changed = true;
      const events = body[Symbol.asyncIterator]();
      try {
        while (changed) {
          const [holder = null] = (await lock.inspect(name, signal)).holders;
          const token = holder?.fencingToken ?? null;
          if (token !== lastToken) {
            lastToken = token;
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

/** Comment lines, which the node sends to show that it is alive. */
const KEEP_ALIVE = /^(:[^\n]*\n+)+$/;

/** Waits for an event or a part of one. False: the stream has ended. */
async function nextEvent(events: AsyncIterator<Buffer>): Promise<boolean> {
  for (;;) {
    const { done, value } = await events.next();
    if (done) return false;
    if (!KEEP_ALIVE.test(value.toString())) return true;
  }
}

/** The stream broke off: its node is gone. */
const isBroken = (error: unknown) =>
  error instanceof Error &&
  !(error instanceof SynclineError) &&
  ('code' in error || error.name === 'AbortError');

/** With jitter, so that clients that failed for one reason do not return at the same time. */
async function pause(signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(PAUSE_MS * (0.5 + Math.random()), undefined, signal === undefined ? undefined : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
