import type { QueueConfiguration } from '@syncline/contracts';
import { ForbiddenError } from '../../errors.js';
import type { MessageSource } from './message-source.js';
import { type BackOff, backoffOf, visibilityTimeoutOf, type WorkerOptions } from './worker-options.js';

/** How long to use a configuration before reading it again. A worker that gets no messages does not read it. */
const FRESH_MS = 10_000;
const DEFAULT_BACK_OFF: BackOff = { baseMs: 1_000, factor: 2, maxMs: 60_000 };
/** Jitter, as a part of the delay, so that messages that failed together do not return together. */
const JITTER = 0.2;

/** The settings of a worker: its own options, else the configuration of its queue. */
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

  /** Reads the configuration for the first time. @throws {NotFoundError} no such queue */
  async load(): Promise<void> {
    if (this.readAt === Number.NEGATIVE_INFINITY) await this.read();
  }

  /** Reads the configuration when it is not fresh. @throws {NotFoundError} no such queue */
  async refresh(): Promise<void> {
    if (performance.now() - this.readAt >= FRESH_MS) await this.read();
  }

  /** The queue is another one now, or will be. */
  forget(): void {
    this.readAt = Number.NEGATIVE_INFINITY;
  }

  private async read(): Promise<void> {
    const now = performance.now();
    try {
      this.known = await this.queue.inspect();
    } catch (error) {
      // With settings of its own a worker needs no more than the right to consume.
      const isOwn = this.ownVisibilityMs !== undefined && this.ownBackoff !== undefined;
      if (!(isOwn && error instanceof ForbiddenError)) throw error;
      this.known = undefined;
    }
    this.readAt = now;
  }

  /** Available after {@link load}. */
  get visibilityTimeoutMs(): number {
    return this.ownVisibilityMs ?? (this.known as QueueConfiguration).visibilityTimeoutMs;
  }

  /** Whether the queue keeps what handlers return, or may: one that does not ignores it. */
  get keepsResults(): boolean {
    return this.known === undefined || this.known.keepResultsMs > 0;
  }

  /** Whether messages of a group wait for each other. */
  get ordersGroups(): boolean {
    return (this.known?.maxInFlightPerGroup ?? 1) === 1;
  }

  /** Delay after a failed delivery. Undefined: the queue applies its own back-off. */
  retryDelayMs(receiveCount: number): number | undefined {
    const backoff = this.ownBackoff ?? (this.known?.backoff ? 'queue' : DEFAULT_BACK_OFF);
    if (backoff === 'queue') return undefined;
    const delayMs = Math.min(backoff.baseMs * backoff.factor ** (receiveCount - 1), backoff.maxMs);
    return Math.round(delayMs * (1 - JITTER * Math.random()));
  }
}
