import type { QueueConfiguration } from '@syncline/contracts';
import type { MessageSource } from './message.js';
import { type BackOff, backoffOf, visibilityTimeoutOf, type WorkerOptions } from './worker-options.js';

/** For how long what was read of the configuration is taken for true. */
const FRESH_MS = 10_000;
const DEFAULT_BACK_OFF: BackOff = { baseMs: 1_000, factor: 2, maxMs: 60_000 };
/** Part of a delay by which it is spread, so that what failed together does not return together. */
const SPREAD = 0.2;

/** What a worker goes by: its own options, and where they say nothing the configuration of its queue. */
export class QueueSettings {
  private known: QueueConfiguration | undefined;
  private readAt = Number.NEGATIVE_INFINITY;

  private readonly ownVisibilityMs: number | undefined;
  private readonly ownBackoff: WorkerOptions['backoff'];

  /** @throws as {@link visibilityTimeoutOf} and {@link backoffOf} */
  constructor(
    private readonly queue: Pick<MessageSource<never>, 'inspect'>,
    options: WorkerOptions,
  ) {
    this.ownVisibilityMs = visibilityTimeoutOf(options);
    this.ownBackoff = backoffOf(options);
  }

  /** Reads the configuration when it is asked for and not fresh. @throws {NotFoundError} no such queue */
  async refresh(): Promise<void> {
    if (this.ownVisibilityMs !== undefined && this.ownBackoff !== undefined) return;
    const now = performance.now();
    if (now - this.readAt < FRESH_MS) return;
    this.known = await this.queue.inspect();
    this.readAt = now;
  }

  /** After {@link refresh}. */
  get visibilityTimeoutMs(): number {
    return this.ownVisibilityMs ?? (this.known as QueueConfiguration).visibilityTimeoutMs;
  }

  /** Before the delivery after this one, which failed. Undefined: the queue knows. */
  retryDelayMs(receiveCount: number): number | undefined {
    const backoff = this.ownBackoff ?? (this.known?.backoff ? 'queue' : DEFAULT_BACK_OFF);
    if (backoff === 'queue') return undefined;
    const delayMs = Math.min(backoff.baseMs * backoff.factor ** (receiveCount - 1), backoff.maxMs);
    return Math.round(delayMs * (1 - SPREAD * Math.random()));
  }
}
