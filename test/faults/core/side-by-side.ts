/** Runs tasks in the order in which they come, a few at a time. */
export class SideBySide {
  private readonly tasks: Promise<unknown>[] = [];
  private readonly waiting: (() => void)[] = [];
  private ended = false;

  constructor(private free: number) {}

  /** Its failure is for who awaits it, later than it may happen. */
  run<T>(task: () => Promise<T>): Promise<T> {
    const running = this.inTurn(task);
    running.catch(() => undefined);
    this.tasks.push(running);
    return running;
  }

  /** Starts no more of them. Resolves when those have ended that run. */
  async end(): Promise<void> {
    this.ended = true;
    await Promise.allSettled(this.tasks);
  }

  private async inTurn<T>(task: () => Promise<T>): Promise<T> {
    if (this.free === 0) await new Promise<void>((resolve) => this.waiting.push(resolve));
    else this.free -= 1;
    try {
      if (this.ended) throw new Error('Nobody waits for this any more.');
      return await task();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.free += 1;
    }
  }
}
