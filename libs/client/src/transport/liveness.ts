import { ConnectionError } from '../errors.js';

/** Interval of liveness probes while calls are in flight or the node is avoided. See docs/liveness.md. */
const PROBE_EVERY_MS = 1_000;
const PENALTY_MS = 1_000;

/**
 * Whether to call a node. A frozen node keeps its connections open without answering: its calls fail, and the client
 * avoids it until it answers a probe.
 */
export class Liveness {
  /** Fails the request in flight with that number. An object, not a map: see {@link CallStream}. */
  private readonly waiting: Record<number, (error: ConnectionError) => void> = Object.create(null);
  private count = 0;
  private last = 0;
  private watching: NodeJS.Timeout | undefined;
  private recovering: NodeJS.Timeout | undefined;
  private closed = false;
  /** Avoid the node until this time of `performance.now()`. */
  avoidUntil = 0;

  /** @param probe resolves when the node answers that it is alive */
  constructor(
    private readonly url: string,
    private readonly probe: () => Promise<unknown>,
  ) {}

  /** Avoids the node for a second, or for as long as its `Retry-After` says. */
  penalise(ms: number = PENALTY_MS): void {
    this.avoidUntil = Math.max(this.avoidUntil, performance.now() + ms);
  }

  /** Avoids the node until it answers a probe. The first probe is sent at once. */
  suspect(): void {
    if (this.recovering !== undefined || this.closed) return;
    this.avoidUntil = Number.POSITIVE_INFINITY;
    this.recovering = setInterval(() => void this.recover(), PROBE_EVERY_MS).unref();
    void this.recover();
  }

  /**
   * Probes the node while a request is in flight; calls `fail` when it does not answer.
   *
   * @returns a number for {@link unwatch}
   */
  watch(fail: (error: ConnectionError) => void): number {
    this.last += 1;
    this.waiting[this.last] = fail;
    this.count += 1;
    this.watching ??= setInterval(() => void this.check(), PROBE_EVERY_MS).unref();
    return this.last;
  }

  unwatch(number: number): void {
    delete this.waiting[number];
    this.count -= 1;
    if (this.count > 0) return;
    clearInterval(this.watching);
    this.watching = undefined;
  }

  close(): void {
    this.closed = true;
    clearInterval(this.watching);
    clearInterval(this.recovering);
  }

  private async check(): Promise<void> {
    try {
      await this.probe();
    } catch (error) {
      this.suspect();
      for (const fail of Object.values(this.waiting)) {
        fail(new ConnectionError(`${this.url} stopped answering`, 'unknown', { cause: error }));
      }
    }
  }

  private async recover(): Promise<void> {
    try {
      await this.probe();
    } catch {
      return; // The next interval probes again.
    }
    if (this.recovering === undefined) return;
    clearInterval(this.recovering);
    this.recovering = undefined;
    this.avoidUntil = 0;
  }
}
