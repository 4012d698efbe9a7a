/** How much wall time must have gained at once to be taken for sleep: two readings differ by less. */
const SHORTEST_SLEEP_MS = 50;
/** The two clocks must be read within this time to be compared. */
const TOGETHER_MS = 5;

/**
 * A monotonic clock that goes on while the machine sleeps. That of Node stands still meanwhile on Linux, but leases
 * run out. What wall time gains on it at once is taken for sleep: a wall clock that was set forward looks the same, so
 * whoever finds that something ran out {@link sleptMs asleep} makes sure before it believes it.
 */
export class Clock {
  private lead: number;
  private slept = 0;

  /**
   * @param monotonic milliseconds that never go back
   * @param wall      milliseconds that count sleep
   */
  constructor(
    private readonly monotonic: () => number = () => performance.now(),
    private readonly wall: () => number = () => Date.now(),
  ) {
    this.lead = wall() - monotonic();
  }

  /** Milliseconds since some moment, sleep included. */
  now(): number {
    const before = this.monotonic();
    const wall = this.wall();
    const now = this.monotonic();
    if (now - before < TOGETHER_MS) {
      const lead = wall - now;
      if (lead - this.lead > SHORTEST_SLEEP_MS) this.slept += lead - this.lead;
      this.lead = lead;
    }
    return now + this.slept;
  }

  /** How much of {@link now} was sleep, or looked like it, as of its last reading. */
  get sleptMs(): number {
    return this.slept;
  }
}

/** By which all leases of this process are judged. */
export const clock = new Clock();
