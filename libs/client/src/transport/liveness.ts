import { ConnectionError } from '../errors.js';

/** How often a node is asked whether it lives, while calls are under way or it is avoided. */
const PROBE_EVERY_MS = 1_000;
const PENALTY_MS = 1_000;

/**
 * Whether a node is to be called. A frozen one keeps its connections open and says nothing: whoever waits for it is
 * told, and it is avoided until it answers again.
 */
export class Liveness {
  /** How to fail the requests under way, by a number. An object: see {@link CallStream}. */
  private readonly waiting: Record<number, (error: ConnectionError) => void> = Object.create(null);
  private count = 0;
  private last = 0;
  private watching: NodeJS.Timeout | undefined;
  private recovering: NodeJS.Timeout | undefined;
  private closed = false;
  /** Avoid the node until then, by `performance.now()`. */
  avoidUntil = 0;

  /** @param probe asks the node for a sign of life */
  constructor(
    private readonly url: string,
    private readonly probe: () => Promise<unknown>,
  ) {}

  /** Keeps calls away for a second, or for as long as the node wishes. */
  penalise(ms: number = PENALTY_MS): void {
    this.avoidUntil = Math.max(this.avoidUntil, performance.now() + ms);
  }

  /** Keeps calls away until the node answers a probe: the first is sent at once. */
  suspect(): void {
    if (this.recovering !== undefined || this.closed) return;
    this.avoidUntil = Number.POSITIVE_INFINITY;
    this.recovering = setInterval(() => void this.recover(), PROBE_EVERY_MS).unref();
    void this.recover();
  }

  /** @returns a number for {@link unwatch} */
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
        fail(new ConnectionError(`${this.url} does not answer any more`, 'unknown', { cause: error }));
      }
    }
  }

  private async recover(): Promise<void> {
    try {
      await this.probe();
    } catch {
      return; // It is asked again.
    }
    if (this.recovering === undefined) return;
    clearInterval(this.recovering);
    this.recovering = undefined;
    this.avoidUntil = 0;
  }
}
