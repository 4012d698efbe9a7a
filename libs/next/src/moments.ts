import type { Moment } from './tagged-cache.js';

/** Computations that begin before the oldest are not kept. */
const LONGEST = 1_000;

/** Which moments this process knew when, by its own clock. */
export class Moments {
  private readonly seen: { readonly at: number; readonly moment: Moment }[] = [];

  add(moment: Moment): void {
    const latest = this.seen.at(-1);
    if (latest !== undefined && moment <= latest.moment) return;
    this.seen.push({ at: performance.timeOrigin + performance.now(), moment });
    if (this.seen.length > LONGEST) this.seen.shift();
  }

  /** The latest that was known at that time: what began then began no earlier. */
  knownAt(time: number): Moment | undefined {
    return this.seen.findLast(({ at }) => at <= time)?.moment;
  }
}
