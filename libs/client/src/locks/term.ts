import { type Clock, clock as processClock } from '../clock.js';
import { LeaseLostError } from '../errors.js';
import type { CallLimits, Timed } from './lock-port.js';

/** A loss is reported early by this part of the TTL, within these bounds: timers are late, and clock rates differ by 1 %. */
const MARGIN = 0.05;
const MIN_MARGIN_MS = 20;
const MAX_MARGIN_MS = 1_000;
const SHORTEST_RETRY_MS = 20;
const LONGEST_RETRY_MS = 500;
/** After possible sleep: timeout of the renewal that says whether the lease is still held. */
const CONFIRM_MS = 2_000;

/** How long a lease is certainly held after the request for it was sent. */
const heldFor = (ttlMs: number) => ttlMs - Math.min(Math.max(ttlMs * MARGIN, MIN_MARGIN_MS), MAX_MARGIN_MS);

/** Whether a lease with this TTL, started at `since` or later, is certainly held. */
export const isSurelyHeld = (ttlMs: number, since: number): boolean =>
  since + heldFor(ttlMs) > processClock.now();

/** A lease is renewed after this part of its TTL. */
export const renewAfter = (ttlMs: number): number => ttlMs / 3;

export interface TermOptions {
  /** Its name in the error of a loss, as in `lock invoice-42`. */
  readonly what: string;
  readonly ttlMs: number;
  /** A time of the clock before which the TTL cannot have started: when the request was sent, or later. */
  readonly since: number;
  /** Renews once. */
  readonly renew: (limits: CallLimits) => Promise<Pick<Timed<unknown>, 'sentAt'>>;
  readonly clock?: Clock;
}

/**
 * The time for which a lease is certainly held, by the monotonic clock of this process alone. Renews at a third of the
 * TTL. When no renewal succeeds, the signal aborts before the TTL has passed since the last successful request was
 * *sent*, whether or not an answer arrives. Keeps the process alive until it ends or {@link unref} is called.
 */
export class Term {
  /** Created on first use: most leases are released before anybody asks for the signal. */
  private controller: AbortController | undefined;
  private lost: LeaseLostError | undefined;
  private readonly clock: Clock;
  private readonly heldForMs: number;
  private since: number;
  /** `clock.sleptMs` when the lease was last confirmed. */
  private sleptMs: number;
  private ended = false;
  private renewing = false;
  private keepsAlive = true;
  private failure: unknown;
  private lossTimer: NodeJS.Timeout | undefined;
  private renewTimer: NodeJS.Timeout | undefined;
  /** Called once, when it is lost or released. */
  onEnd: (() => void) | undefined;

  constructor(private readonly options: TermOptions) {
    const { ttlMs, since, clock = processClock } = options;
    this.clock = clock;
    this.since = since;
    this.heldForMs = heldFor(ttlMs);
    const now = clock.now();
    this.sleptMs = clock.sleptMs;
    // Nobody watches for the loss before the first renewal, which is due long before: most leases are released by then.
    this.renewIn(renewAfter(ttlMs) - (now - since));
  }

  /** Aborts with a {@link LeaseLostError} before another owner can get the lease. */
  get signal(): AbortSignal {
    if (this.controller === undefined) {
      this.controller = new AbortController();
      if (this.lost !== undefined) this.controller.abort(this.lost);
    }
    return this.controller.signal;
  }

  /** Why the lease is lost; undefined while it is not. */
  get loss(): LeaseLostError | undefined {
    return this.lost;
  }

  /**
   * How long the lease is certainly held, in milliseconds; 0 when it is lost or released. Correct even when timers are
   * late. After possible sleep it can be 0 until a renewal confirms that the lease is still held.
   */
  get remainingMs(): number {
    if (this.ended) return 0;
    return Math.max(0, this.since + this.heldForMs - this.clock.now());
  }

  /** Stops renewing, because the lease is released. This is not a loss. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    clearTimeout(this.lossTimer);
    clearTimeout(this.renewTimer);
    this.onEnd?.();
  }

  /** Ends as lost. Only the first call has an effect. */
  lose(error: LeaseLostError): void {
    if (this.ended) return;
    this.end();
    this.lost = error;
    this.controller?.abort(error);
  }

  /** Stops keeping the process alive. */
  unref(): void {
    this.keepsAlive = false;
    this.lossTimer?.unref();
    this.renewTimer?.unref();
  }

  /** Renews now: the machine may have slept, so timers are late or the lease is over. */
  wake(): void {
    if (this.ended || this.renewing) return;
    clearTimeout(this.renewTimer);
    void this.renewNow();
  }

  private watch(): void {
    clearTimeout(this.lossTimer);
    this.lossTimer = this.timer(this.remainingMs || Math.max(0, this.awakeLeftMs), () => this.look());
  }

  private look(): void {
    const isCertain = this.remainingMs > 0;
    if (!isCertain && this.awakeLeftMs <= 0) {
      this.lose(this.ranOut());
      return;
    }
    this.watch();
    if (!isCertain) this.wake();
  }

  /** How long the lease is held if the machine did not sleep since the last confirmation. */
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
    if (this.lossTimer === undefined) this.look();
    if (this.ended) return;
    const leftMs = this.remainingMs || Math.max(0, Math.min(this.awakeLeftMs, CONFIRM_MS));
    const { sleptMs } = this.clock;
    try {
      // Short enough to try two other nodes after a frozen one.
      const attemptTimeoutMs = Math.max(ttlMs / 6, SHORTEST_RETRY_MS * 2);
      const { sentAt } = await renew({ attemptTimeoutMs, timeoutMs: leftMs });
      if (this.ended) return;
      this.since = Math.max(this.since, sentAt);
      this.sleptMs = sleptMs;
      this.failure = undefined;
      this.watch();
      this.renewIn(renewAfter(ttlMs) - (this.clock.now() - this.since));
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
