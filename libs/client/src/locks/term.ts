import { type Clock, clock as processClock } from '../clock.js';
import { LeaseLostError } from '../errors.js';

/** Part of the TTL, and its bounds, by which loss is told early: late timers, clocks that differ by 1 %. */
const MARGIN = 0.05;
const MIN_MARGIN_MS = 20;
const MAX_MARGIN_MS = 1_000;
const SHORTEST_RETRY_MS = 20;
const LONGEST_RETRY_MS = 500;
/** How long a renewal may take that tells whether the lease outlived what may have been sleep. */
const CONFIRM_MS = 2_000;

/** For how long something is surely held that was asked for at `since`; a loss is told that long before it is one. */
const heldFor = (ttlMs: number) => ttlMs - Math.min(Math.max(ttlMs * MARGIN, MIN_MARGIN_MS), MAX_MARGIN_MS);

/** Whether a lease of this length whose time began at `since`, or later, is surely held. */
export const isSurelyHeld = (ttlMs: number, since: number): boolean =>
  since + heldFor(ttlMs) > processClock.now();

/** After how much of its time a lease is renewed. */
export const dueAfter = (ttlMs: number): number => ttlMs / 3;

export interface TermOptions {
  /** Named in the error of a loss, as in `lock invoice-42`. */
  readonly what: string;
  readonly ttlMs: number;
  /** Moment, by the clock, before which the time of the lease surely had not begun: when it was asked for, or later. */
  readonly since: number;
  /**
   * Renews once. Returns when its request was sent.
   *
   * @param timeoutMs how long one node may take
   * @param leftMs    how long the renewal is of use
   */
  readonly renew: (timeoutMs: number, leftMs: number) => Promise<number>;
  readonly clock?: Clock;
}

/**
 * The time for which something leased is surely held, by this process's monotonic clock alone. Renews at a third of
 * the TTL; when no renewal succeeds, the signal aborts before the TTL has passed since the last successful request
 * was *sent*, whether or not any answer arrives. Keeps the process alive until it ends or {@link unref}.
 */
export class Term {
  /** Made when somebody asks for the signal: most leases are given back before anybody does. */
  private controller: AbortController | undefined;
  private lost: LeaseLostError | undefined;
  private readonly clock: Clock;
  private readonly heldForMs: number;
  private since: number;
  /** What the clock took for sleep when the lease was last known to be held. */
  private sleptMs: number;
  private ended = false;
  private renewing = false;
  private keepsAlive = true;
  private failure: unknown;
  private lossTimer: NodeJS.Timeout | undefined;
  private renewTimer: NodeJS.Timeout | undefined;
  /** Called once, when it is lost or given back. */
  onEnd: (() => void) | undefined;

  constructor(private readonly options: TermOptions) {
    const { ttlMs, since, clock = processClock } = options;
    this.clock = clock;
    this.since = since;
    this.heldForMs = heldFor(ttlMs);
    const now = clock.now();
    this.sleptMs = clock.sleptMs;
    this.watch();
    this.renewIn(dueAfter(ttlMs) - (now - since));
  }

  /** Aborts with a {@link LeaseLostError} when the lease is lost, in time to stop. */
  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      if (this.lost !== undefined) this.controller.abort(this.lost);
    }
    return this.controller.signal;
  }

  /** Why it is lost; undefined while it is not. */
  get loss(): LeaseLostError | undefined {
    return this.lost;
  }

  /**
   * For how long it is surely held, in milliseconds; 0 when it is lost or was given back. Right also when timers are
   * late. After what may have been sleep it can be 0 until a renewal has told that it is held still.
   */
  get remainingMs(): number {
    if (this.ended) return 0;
    return Math.max(0, this.since + this.heldForMs - this.clock.now());
  }

  /** Stops renewing: it is given back, which is no loss. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.lossTimer);
    clearTimeout(this.renewTimer);
    this.onEnd?.();
  }

  /** It is lost. Only the first word counts. */
  lose(error: LeaseLostError): void {
    if (this.ended) return;
    this.end();
    this.lost = error;
    this.controller?.abort(error);
  }

  /** Keeps the process alive no longer. */
  unref(): void {
    this.keepsAlive = false;
    this.lossTimer?.unref();
    this.renewTimer?.unref();
  }

  /** The machine may have slept: timers are late, or the lease is over. A renewal tells. */
  wake(): void {
    if (this.ended || this.renewing) return;
    clearTimeout(this.renewTimer);
    void this.renewNow();
  }

  private watch(): void {
    clearTimeout(this.lossTimer);
    this.lossTimer = this.timer(this.remainingMs, () => {
      if (this.remainingMs > 0) this.watch();
      else if (this.awakeLeftMs > 0) this.wake();
      else this.lose(this.ranOut());
    });
  }

  /** For how long it is held if there was no sleep since it was last known to be held. */
  private get awakeLeftMs(): number {
    return this.since + this.heldForMs - this.clock.now() + this.clock.sleptMs - this.sleptMs;
  }

  private ranOut(): LeaseLostError {
    const { what, ttlMs } = this.options;
    return LeaseLostError.local(`${what} could not be renewed within its ${ttlMs} ms`, this.failure);
  }

  private renewIn(ms: number): void {
    this.renewTimer = this.timer(Math.max(0, ms), () => void this.renewNow());
  }

  private timer(ms: number, then: () => void): NodeJS.Timeout {
    const timer = setTimeout(then, ms);
    return this.keepsAlive ? timer : timer.unref();
  }

  private async renewNow(): Promise<void> {
    const { ttlMs, renew } = this.options;
    if (this.ended) return;
    this.renewing = true;
    const leftMs = this.remainingMs || Math.max(0, Math.min(this.awakeLeftMs, CONFIRM_MS));
    const { sleptMs } = this.clock;
    try {
      // Short enough that a frozen node leaves time for two others.
      const timeoutMs = Math.max(ttlMs / 6, SHORTEST_RETRY_MS * 2);
      const since = await renew(timeoutMs, leftMs);
      if (this.ended) return;
      this.since = Math.max(this.since, since);
      this.sleptMs = sleptMs;
      this.failure = undefined;
      this.watch();
      this.renewIn(dueAfter(ttlMs) - (this.clock.now() - this.since));
    } catch (error) {
      if (error instanceof LeaseLostError) this.lose(error);
      if (this.ended) return;
      this.failure = error;
      if (this.remainingMs === 0) this.lose(this.ranOut());
      else this.renewIn(Math.min(Math.max(ttlMs / 20, SHORTEST_RETRY_MS), LONGEST_RETRY_MS));
    } finally {
      this.renewing = false;
    }
  }
}
