import { LeaseLostError } from '../errors.js';

/** Part of the TTL, and its bounds, by which loss is told early: late timers, clocks that differ by 1 %. */
const MARGIN = 0.05;
const MIN_MARGIN_MS = 20;
const MAX_MARGIN_MS = 1_000;
const SHORTEST_RETRY_MS = 20;
const LONGEST_RETRY_MS = 500;

export interface TermOptions {
  /** Named in the error of a loss, as in `lock invoice-42`. */
  readonly what: string;
  readonly ttlMs: number;
  /**
   * Moment, by `performance.now()`, from which the TTL surely had not yet begun to run: when the request was sent,
   * plus the time that Redis says it waited.
   */
  readonly since: number;
  /**
   * Renews once. Returns when its request was sent. Undefined: nothing to renew.
   *
   * @param timeoutMs how long one node may take
   * @param leftMs    how long the renewal is of use
   */
  readonly renew?: ((timeoutMs: number, leftMs: number) => Promise<number>) | undefined;
}

/**
 * The time for which something leased is surely held, by this process's monotonic clock alone. Renews at a third of
 * the TTL; when no renewal succeeds, the signal aborts before the TTL has passed since the last successful request
 * was *sent*, whether or not any answer arrives.
 */
export class Term {
  /** Made when somebody asks for the signal: most leases are given back before anybody does. */
  private controller: AbortController | undefined;
  private lost: LeaseLostError | undefined;
  private readonly marginMs: number;
  private since: number;
  private ended = false;
  private failure: unknown;
  private lossTimer: NodeJS.Timeout | undefined;
  private renewTimer: NodeJS.Timeout | undefined;

  constructor(private readonly options: TermOptions) {
    const { ttlMs, since, renew } = options;
    this.since = since;
    this.marginMs = Math.min(Math.max(ttlMs * MARGIN, MIN_MARGIN_MS), MAX_MARGIN_MS);
    this.watch();
    if (renew !== undefined) this.renewIn(ttlMs / 3 - (performance.now() - since));
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

  /** For how long it is surely held, in milliseconds; 0 when it is lost or was given back. Right also when timers are late. */
  get remainingMs(): number {
    if (this.ended) return 0;
    return Math.max(0, this.since + this.options.ttlMs - this.marginMs - performance.now());
  }

  /** Stops renewing: it is given back, which is no loss. */
  end(): void {
    this.ended = true;
    clearTimeout(this.lossTimer);
    clearTimeout(this.renewTimer);
  }

  /** It is lost. Only the first word counts. */
  lose(error: LeaseLostError): void {
    if (this.ended) return;
    this.end();
    this.lost = error;
    this.controller?.abort(error);
  }

  private watch(): void {
    clearTimeout(this.lossTimer);
    this.lossTimer = setTimeout(() => {
      if (this.remainingMs > 0) this.watch();
      else this.lose(this.ranOut());
    }, this.remainingMs);
    this.lossTimer.unref();
  }

  private ranOut(): LeaseLostError {
    const { what, ttlMs } = this.options;
    return LeaseLostError.local(`${what} could not be renewed within its ${ttlMs} ms`, this.failure);
  }

  private renewIn(ms: number): void {
    this.renewTimer = setTimeout(() => void this.renewNow(), Math.max(0, ms));
    this.renewTimer.unref();
  }

  private async renewNow(): Promise<void> {
    const { ttlMs, renew } = this.options;
    if (renew === undefined || this.ended) return;
    try {
      // Short enough that a frozen node leaves time for two others.
      const since = await renew(Math.max(ttlMs / 6, SHORTEST_RETRY_MS * 2), this.remainingMs);
      if (this.ended) return;
      this.since = Math.max(this.since, since);
      this.failure = undefined;
      if (this.remainingMs === 0) return;
      this.watch();
      this.renewIn(ttlMs / 3 - (performance.now() - this.since));
    } catch (error) {
      if (error instanceof LeaseLostError) this.lose(error);
      if (this.ended) return;
      this.failure = error;
      this.renewIn(Math.min(Math.max(ttlMs / 20, SHORTEST_RETRY_MS), LONGEST_RETRY_MS));
    }
  }
}
