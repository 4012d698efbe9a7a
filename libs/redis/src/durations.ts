/** Upper bounds of the buckets, seconds. */
export const BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1, 5, 30, 120, 600] as const;

/** How long something took, each time: plain numbers, so that to add one costs next to nothing. Read when the metrics are asked for. */
export class Durations {
  /** By bucket, what is longer last. */
  readonly counts: number[] = new Array(BUCKETS_S.length + 1).fill(0);
  totalS = 0;

  add(ms: number): void {
    const s = ms / 1_000;
    let bucket = 0;
    while (bucket < BUCKETS_S.length && s > (BUCKETS_S[bucket] as number)) bucket += 1;
    this.counts[bucket] = (this.counts[bucket] as number) + 1;
    this.totalS += s;
  }
}
