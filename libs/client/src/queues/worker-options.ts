import { duration } from '../durations.js';
import { describe } from '../tell.js';
import type { Message } from './message.js';

const HALF_A_DAY_MS = 43_200_000;
const YEAR_MS = 31_536_000_000;
const DEFAULT_STOP_MS = 30_000;

/** Delay before delivery `n + 1`: `baseMs * factor^(n-1)`, at most `maxMs`, spread by up to a fifth. */
export interface BackOff {
  readonly baseMs: number;
  readonly factor: number;
  readonly maxMs: number;
}

/** How a worker receives, and what it does about failures. */
export interface WorkerOptions {
  /** How many handlers run at once. Default 1. Of one group there is never more than one. */
  readonly concurrency?: number;
  /**
   * After how long without a sign of this process a message is delivered again, 1 to 43,200,000. Extended at a third of
   * it. Default: as the queue is configured.
   */
  readonly visibilityTimeoutMs?: number;
  /**
   * After a handler threw. `queue`: as the queue is configured, which may be at once. Default: as the queue is
   * configured, and where it has no back-off `{ baseMs: 1000, factor: 2, maxMs: 60000 }`.
   */
  readonly backoff?: BackOff | 'queue';
  /** How long `stop()` lets the handlers run. Default 30,000; `Infinity`: until they end. */
  readonly stopTimeoutMs?: number;
  /**
   * Told of every error: a handler's, with its message, which is delivered again; a `ReceiptStaleError`, with its
   * message, when the answer came too late; and of the nodes, which the worker outlives. What it throws or rejects with
   * is a warning. Default: all are warnings, by `process.emitWarning`.
   */
  readonly onError?: (error: unknown, message: Message<unknown> | undefined) => void;
}

/** @throws {RangeError} no such number of handlers */
export function concurrencyOf({ concurrency = 1 }: WorkerOptions): number {
  if (Number.isSafeInteger(concurrency) && concurrency >= 1) return concurrency;
  throw new RangeError(`concurrency: expected a whole number of at least 1, not ${describe(concurrency)}`);
}

/** Undefined: as the queue is configured. @throws {ValidationError} no duration */
export const visibilityTimeoutOf = ({ visibilityTimeoutMs }: WorkerOptions): number | undefined =>
  visibilityTimeoutMs === undefined
    ? undefined
    : duration('visibilityTimeoutMs', visibilityTimeoutMs, { min: 1, max: HALF_A_DAY_MS });

/** @throws {ValidationError} no durations; {RangeError} no factor */
export function backoffOf({ backoff }: WorkerOptions): WorkerOptions['backoff'] {
  if (backoff === undefined || backoff === 'queue') return backoff;
  const { factor } = backoff;
  if (typeof factor !== 'number' || !(factor >= 1)) {
    throw new RangeError(`backoff.factor: expected a number of at least 1, not ${describe(factor)}`);
  }
  const baseMs = duration('backoff.baseMs', backoff.baseMs, { max: YEAR_MS });
  const maxMs = duration('backoff.maxMs', backoff.maxMs, { max: YEAR_MS });
  return { baseMs, factor, maxMs };
}

/** @throws {ValidationError} no duration */
export const stopTimeoutOf = ({ stopTimeoutMs = DEFAULT_STOP_MS }: WorkerOptions): number =>
  duration('stopTimeoutMs', stopTimeoutMs, { forever: 'to wait for ever' });
