import { type ErrorLog, logUnlessAway } from '@syncline/redis';

/** The longest delay of a Node timer, ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Repeats a task: at an interval, and at once on request, but never twice at a time. A failure does not end the loop; it is
 * logged unless Redis cannot be reached.
 */
export class Loop {
  private readonly report: (error: unknown) => void;
  private timer: NodeJS.Timeout | undefined;
  /** Time of the next run, by the monotonic clock, ms. */
  private dueAt = Number.POSITIVE_INFINITY;
  private running: Promise<void> | null = null;
  private again = false;
  private started = false;

  /**
   * @param everyMs ms from the end of a run to the next one; `Infinity`: run only on request
   */
  constructor(
    private readonly task: () => Promise<void>,
    private readonly everyMs: number,
    logger: ErrorLog,
  ) {
    this.report = logUnlessAway(logger);
  }

  /** @param inMs ms until the first run */
  start(inMs: number = this.everyMs): void {
    this.started = true;
    this.within(inMs);
  }

  /** Runs now, or once more after the current run. Resolves when no run is left; never rejects. */
  run(): Promise<void> {
    if (!this.started) return Promise.resolve();
    if (this.running !== null) this.again = true;
    else this.running = this.work();
    return this.running as Promise<void>;
  }

  /** Schedules the next run in `inMs`, unless it is due earlier. */
  within(inMs: number): void {
    const at = performance.now() + inMs;
    if (at >= this.dueAt) return;
    this.dueAt = at;
    if (this.started && this.running === null) this.schedule();
  }

  /** Ends the loop. Resolves when the current run has ended. */
  async stop(): Promise<void> {
    this.started = false;
    clearTimeout(this.timer);
    this.dueAt = Number.POSITIVE_INFINITY;
    await this.running;
  }

  private async work(): Promise<void> {
    clearTimeout(this.timer);
    do {
      this.again = false;
      this.dueAt = Number.POSITIVE_INFINITY;
      await this.task().catch(this.report);
      this.dueAt = Math.min(this.dueAt, performance.now() + this.everyMs);
    } while (this.again && this.started);
    this.running = null;
    if (this.started) this.schedule();
  }

  private schedule(): void {
    clearTimeout(this.timer);
    if (this.dueAt === Number.POSITIVE_INFINITY) return;
    const inMs = Math.max(0, Math.ceil(this.dueAt - performance.now()));
    this.timer = setTimeout(() => this.wake(), Math.min(inMs, LONGEST_TIMER_MS));
  }

  /** Node timers may fire slightly early, and their longest delay is 24.8 days. */
  private wake(): void {
    if (performance.now() < this.dueAt) this.schedule();
    else void this.run();
  }
}
