/** The wall clock must gain more than this between two readings to count as sleep: normal readings differ by less. */
const SHORTEST_SLEEP_MS = 50;
/** Both clocks must be read within this time, or the readings are not compared. */
const TOGETHER_MS = 5;

/**
 * A monotonic clock that continues while the machine sleeps. On Linux, Node's monotonic clock stops during sleep, but
 * leases expire all the same. A sudden gain of wall time counts as sleep. A wall clock that was set forward looks the
 * same, so when something expired only because of {@link sleptMs sleep}, confirm it with a renewal first.
 */
export class Clock {
  private lead: number;
  private slept = 0;

  /**
   * @param monotonic milliseconds that never go back
   * @param wall      milliseconds that include sleep
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

  /** How much of {@link now} was sleep, or looked like sleep, at its last reading. */
  get sleptMs(): number {
    return this.slept;
  }
}

/** The clock for all leases of this process. */
export const clock = new Clock();
