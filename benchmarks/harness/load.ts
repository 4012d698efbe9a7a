import { build, type Histogram } from 'hdr-histogram-js';

/** Longest time that is told apart from a longer one: 10 minutes. */
const LONGEST_US = 600_000_000;
const WARM_UP_MS = 500;

/** What one contestant did at one load in one round. */
export interface Measurement {
  readonly operations: number;
  /** With those that were not counted, as in a warm-up: what the costs are divided by. Default: `operations`. */
  readonly performed?: number;
  readonly seconds: number;
  readonly latencies: Latencies;
  /** Further figures, by name with unit, as in `{ 'fairness min/max': 0.98 }`. */
  readonly figures?: Readonly<Record<string, number>>;
}

/** Durations of operations, with percentiles. */
export class Latencies {
  private readonly histogram: Histogram = build({
    highestTrackableValue: LONGEST_US,
    numberOfSignificantValueDigits: 3,
  });

  /** @param ms duration in milliseconds, fractions included */
  record(ms: number): void {
    this.histogram.recordValue(Math.min(LONGEST_US, Math.max(1, Math.round(ms * 1_000))));
  }

  get count(): number {
    return this.histogram.totalCount;
  }

  /** @returns milliseconds */
  percentile(percent: number): number {
    return this.histogram.getValueAtPercentile(percent) / 1_000;
  }

  get max(): number {
    return this.histogram.maxValue / 1_000;
  }
}

/** One call; resolves to how many operations it was: most often 1. */
export type Operation = (worker: number) => Promise<number>;

/**
 * A closed loop: `inFlight` workers that each begin the next call when the last one ended. Calls of the warm-up
 * are only `performed`; so are those that run at the end, which are awaited.
 */
export async function closedLoop(
  inFlight: number,
  seconds: number,
  operation: Operation,
): Promise<Measurement> {
  const latencies = new Latencies();
  let operations = 0;
  let performed = 0;
  const countFrom = performance.now() + WARM_UP_MS;
  const countUntil = countFrom + seconds * 1_000;
  const work = async (worker: number) => {
    for (;;) {
      const startedAt = performance.now();
      if (startedAt >= countUntil) return;
      const done = await operation(worker);
      performed += done;
      const endedAt = performance.now();
      if (startedAt < countFrom || endedAt > countUntil) continue;
      latencies.record(endedAt - startedAt);
      operations += done;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, (_, worker) => work(worker)));
  return { operations, performed, seconds, latencies };
}
