import { setTimeout as sleep } from 'node:timers/promises';
import type { Holder } from '@syncline/contracts';
import {
  ConnectionError,
  DeadlineError,
  LeaseLostError,
  ShuttingDownError,
  StoreUnavailableError,
  SynclineError,
  WaitTimeoutError,
} from '../errors.js';
import type { Transport } from '../transport/transport.js';
import { runHolding } from './holding.js';
import type { Lease } from './leases.js';
import type { LockClient } from './lock-client.js';

/** One wait of a candidate; it stands again at once. */
const CAMPAIGN_MS = 600_000;
const PAUSE_MS = 500;
const DEFAULT_TTL_MS = 5_000;

/** Who stands in an election, and for how long. */
export interface Candidacy {
  /** After how long without renewal another candidate leads. Default 5,000. */
  readonly ttlMs?: number;
  /** Name of this candidate, seen by observers. Default: a name of its own. */
  readonly owner?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Ends the candidacy. */
  readonly signal?: AbortSignal;
}

/** What passes by itself: a candidate goes on standing. */
const passes = (error: unknown) =>
  error instanceof ConnectionError ||
  error instanceof DeadlineError ||
  error instanceof StoreUnavailableError ||
  error instanceof ShuttingDownError ||
  error instanceof LeaseLostError;

export async function elect<T>(
  lock: LockClient,
  name: string,
  options: Candidacy,
  lead: (lease: Lease, signal: AbortSignal) => T | Promise<T>,
): Promise<T> {
  const { ttlMs = DEFAULT_TTL_MS, signal } = options;
  for (;;) {
    let lease: Lease;
    try {
      lease = await lock.acquire(name, { ...options, ttlMs, waitMs: CAMPAIGN_MS });
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof WaitTimeoutError) continue;
      if (!passes(error)) throw error;
      await pause(signal);
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

const isOfLoss = (error: unknown, lost: AbortSignal) =>
  error === lost.reason ||
  error instanceof LeaseLostError ||
  (error instanceof Error && (error.name === 'AbortError' || error.cause === lost.reason));

export async function* observe(
  lock: LockClient,
  transport: Transport,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<Holder | null, void, void> {
  let told: string | null | undefined;
  while (!signal.aborted) {
    try {
      const path = `/v1/locks/${encodeURIComponent(name)}/events`;
      const { statusCode, body } = await transport.events(path, { accept: 'text/event-stream' }, signal);
      if (statusCode !== 200) throw new ConnectionError(`The events answered ${statusCode}`, 'unknown');
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
          changed = (await events.next()).done !== true;
        }
      } finally {
        body.destroy();
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof SynclineError) && !isBroken(error)) throw error;
    }
    await pause(signal).catch(() => undefined);
  }
}

/** A stream that ended in the middle: its node went away. */
const isBroken = (error: unknown) =>
  error instanceof Error && ('code' in error || error.name === 'AbortError');

async function pause(signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(PAUSE_MS, undefined, signal === undefined ? undefined : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
