import { type ErrorLog, logUnlessAway } from '@syncline/redis';

/** The longest that a timer of Node can wait, ms. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * A task that this process does again and again: every so often, at once when it is asked for, never twice at a time.
 * A failure is logged, unless Redis is away, and does not end the loop.
 */
export class Loop {
  private readonly report: (error: unknown) => void;
  private timer: NodeJS.Timeout | undefined;
  /** Monotonic, ms. */
  private dueAt = Number.POSITIVE_INFINITY;
  private running: Promise<void> | null = null;
  private again = false;
  private started = false;

  /**
   * @param everyMs ms from the end of a run to the next one; `Infinity`: only when asked for
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

  /** Runs at once; asked while it runs, once more after that. Resolves when nothing runs any more; never rejects. */
  run(): Promise<void> {
    if (!this.started) return Promise.resolve();
    if (this.running !== null) this.again = true;
    else this.running = this.work();
    return this.running as Promise<void>;
  }

  /** Makes the next run come in `inMs`, unless it comes sooner anyway. */
  within(inMs: number): void {
    const at = performance.now() + inMs;
    if (at >= this.dueAt) return;
    this.dueAt = at;
    if (this.started && this.running === null) this.schedule();
  }

  /** Ends the loop. Resolves when the run that is under way has ended. */
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

  /** Timers of Node may fire a moment early, and cannot wait for months. */
  private wake(): void {
    if (performance.now() < this.dueAt) this.schedule();
    else void this.run();
  }
}
