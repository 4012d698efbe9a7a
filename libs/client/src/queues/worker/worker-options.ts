import { duration } from '../../durations.js';
import { textOf } from '../../report.js';
import type { Message } from '../message.js';
import type { BodySchema } from './body-schema.js';

const HALF_A_DAY_MS = 43_200_000;
const YEAR_MS = 31_536_000_000;
const DEFAULT_STOP_MS = 30_000;
const DEFAULT_BLOCKED_MS = 300_000;
const MAX_BATCH = 1_000;

/** Delay before delivery `n + 1`: `baseMs * factor^(n-1)`, at most `maxMs`, less a random part of up to a fifth. */
export interface BackOff {
  readonly baseMs: number;
  readonly factor: number;
  readonly maxMs: number;
}

/** How a worker receives messages and handles failures. */
export interface WorkerOptions {
  /** How many handlers run at once. Default 1. Messages of one group never run at the same time. */
  readonly concurrency?: number;
  /**
   * A message is delivered again after this time without an extension, 1 to 43,200,000. The worker extends it every third
   * of this time. Default: the setting of the queue.
   */
  readonly visibilityTimeoutMs?: number;
  /**
   * Delay after a handler threw. `queue`: the back-off of the queue, or none if the queue has none. Default: the back-off
   * of the queue, or `{ baseMs: 1000, factor: 2, maxMs: 60000 }` if the queue has none.
   */
  readonly backoff?: BackOff | 'queue';
  /** How long `stop()` waits for the handlers. Default 30,000; `Infinity`: until they end. */
  readonly stopTimeoutMs?: number;
  /**
   * Most time for a handler. Then its signal aborts with a `HandlerTimeoutError`, and its message is given back as after a
   * failure. The handler takes part of `concurrency` until it returns. Default: none.
   */
  readonly timeoutMs?: number;
  /**
   * What bodies must fit, as a Standard Schema (Zod, Valibot, ArkType, ...). The handler gets what the schema returns. A
   * message whose body does not fit becomes a dead letter at once, with the reason. Default: any body.
   */
  readonly schema?: BodySchema;
  /**
   * A thread keeps the messages of handlers that block the event loop, for at most this time; then others can receive them
   * after their visibility timeout. Default 300,000; 0: no thread, and such a handler loses its message.
   */
  readonly maxBlockedMs?: number;
  /**
   * Called with every error: an error of a handler, with its message (without one, when a handler of several threw), which is delivered again; a `ReceiptStaleError`,
   * with its message, when a handler finished too late; and errors of the nodes, after which the worker continues. If
   * `onError` throws or rejects, that becomes a warning. Default: `process.emitWarning` for every error.
   */
  readonly onError?: (error: unknown, message: Message<unknown> | undefined) => void;
  /** Called when a message was acknowledged, with its result. What a listener throws goes to `onError`. */
  readonly onDone?: (message: Message<unknown>, result: unknown) => void;
  /**
   * Called when a message was given back because its handler threw, took too long, or its body does not fit. `status`: it is
   * delivered again (`requeued`), a dead letter (`dead`), or was removed because its TTL is over (`expired`).
   */
  readonly onFailed?: (
    message: Message<unknown>,
    error: unknown,
    status: 'requeued' | 'dead' | 'expired',
  ) => void;
  /**
   * Called when the worker cannot answer for a message that its handler was called with: it was cancelled
   * (`CancelledError`), others can receive it (`LeaseLostError`, `ReceiptStaleError`), or its answer got none (the error of that
   * call). Of each message that a handler was called with one of `onDone`, `onFailed` and `onLost` is told, once.
   */
  readonly onLost?: (message: Message<unknown>, reason: unknown) => void;
  /**
   * Called when no handler runs, all answers have arrived and no message is ready; once each time. Others may be delayed. With
   * it, the worker asks a queue twice before it waits.
   */
  readonly onIdle?: () => void;
}

/** As {@link WorkerOptions}, for a handler of batches. */
export interface BatchWorkerOptions extends WorkerOptions {
  /**
   * Most messages that a handler gets at once, 1 to 1,000. It gets those that are ready, and does not wait for more. `concurrency`
   * is how many handlers run at once, `timeoutMs` the time of a handler for its whole batch.
   */
  readonly batch: number;
}

/** Undefined: one by one. @throws {RangeError} not a valid size */
export function batchOf({ batch }: Partial<BatchWorkerOptions>): number | undefined {
  if (batch === undefined) return undefined;
  if (Number.isSafeInteger(batch) && batch >= 1 && batch <= MAX_BATCH) return batch;
  throw new RangeError(`batch: expected a whole number, 1 to 1,000, not ${textOf(batch)}`);
}

/** @throws {RangeError} not a valid number of handlers */
export function concurrencyOf({ concurrency = 1 }: WorkerOptions): number {
  if (Number.isSafeInteger(concurrency) && concurrency >= 1) return concurrency;
  throw new RangeError(`concurrency: expected a whole number of at least 1, not ${textOf(concurrency)}`);
}

/** Undefined: the setting of the queue. @throws {ValidationError} not a valid duration */
export const visibilityTimeoutOf = ({ visibilityTimeoutMs }: WorkerOptions): number | undefined =>
  visibilityTimeoutMs === undefined
    ? undefined
    : duration('visibilityTimeoutMs', visibilityTimeoutMs, { min: 1, max: HALF_A_DAY_MS });

/** @throws {ValidationError} not valid durations; {RangeError} not a valid factor */
export function backoffOf({ backoff }: WorkerOptions): WorkerOptions['backoff'] {
  if (backoff === undefined || backoff === 'queue') return backoff;
  const { factor } = backoff;
  if (typeof factor !== 'number' || !(factor >= 1)) {
    throw new RangeError(`backoff.factor: expected a number of at least 1, not ${textOf(factor)}`);
  }
  const baseMs = duration('backoff.baseMs', backoff.baseMs, { max: YEAR_MS });
  const maxMs = duration('backoff.maxMs', backoff.maxMs, { max: YEAR_MS });
  return { baseMs, factor, maxMs };
}

/** @throws {ValidationError} not a valid duration */
export const stopTimeoutOf = ({ stopTimeoutMs = DEFAULT_STOP_MS }: WorkerOptions): number =>
  duration('stopTimeoutMs', stopTimeoutMs, { forever: 'to wait for ever' });

/** Undefined: no limit. @throws {ValidationError} not a valid duration */
export const timeoutOf = ({ timeoutMs }: WorkerOptions): number | undefined =>
  timeoutMs === undefined ? undefined : duration('timeoutMs', timeoutMs, { min: 1 });

/** Not longer than a handler may take. @throws {ValidationError} not a valid duration */
export const maxBlockedOf = (options: WorkerOptions): number =>
  Math.min(
    duration('maxBlockedMs', options.maxBlockedMs ?? DEFAULT_BLOCKED_MS),
    timeoutOf(options) ?? Number.POSITIVE_INFINITY,
  );
