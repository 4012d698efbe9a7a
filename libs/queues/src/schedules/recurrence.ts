import { cronIn } from '@syncline/contracts';
import type { Cron } from 'croner';

/** When a schedule has its occurrences. All instants are milliseconds since 1970. */
export interface Timing {
  readonly cron: string | null;
  readonly everyMs: number | null;
  readonly timeZone: string;
  readonly startAt: number | null;
  readonly endAt: number | null;
  /** From here occurrences each `everyMs` are counted. */
  readonly anchor: number;
}

/** The occurrences of a schedule: a pure function of its timing. Neither a clock nor what was sent takes part. */
export class Recurrence {
  private readonly cron: Cron | null;

  constructor(private readonly timing: Timing) {
    this.cron = timing.cron === null ? null : cronIn(timing.timeZone, timing.cron);
  }

  /** The first occurrence after an instant; null when there is none. */
  next(after: number): number | null {
    const { startAt, endAt } = this.timing;
    // The start may be one itself.
    const at = this.following(startAt === null ? after : Math.max(after, startAt - 1));
    return at === null || (endAt !== null && at > endAt) ? null : at;
  }

  /** The occurrences after an instant, `count` at most. */
  upcoming(after: number, count: number): number[] {
    const found: number[] = [];
    for (let at = this.next(after); at !== null && found.length < count; at = this.next(at)) found.push(at);
    return found;
  }

  /** The occurrences from `first`, which is one, until an instant, both included, in order: of more than `count` the latest. */
  between(first: number, until: number, count: number): number[] {
    const found = [first];
    for (let at = this.next(first); at !== null && at <= until; at = this.next(at)) {
      found.push(at);
      if (found.length > count) return this.latest(first, until, count);
    }
    return found;
  }

  private latest(first: number, until: number, count: number): number[] {
    const last = Math.min(until, this.timing.endAt ?? until);
    const found = this.cron?.previousRuns(count, new Date(last + 1)).map((date) => date.getTime());
    return (found ?? this.multiples(last, count)).filter((at) => at >= first).reverse();
  }

  private following(after: number): number | null {
    if (this.cron !== null) return this.cron.nextRun(new Date(after))?.getTime() ?? null;
    const { anchor, startAt, everyMs } = this.timing;
    const first = startAt === null ? 1 : 0;
    return anchor + Math.max(first, Math.floor((after - anchor) / Number(everyMs)) + 1) * Number(everyMs);
  }

  private multiples(last: number, count: number): number[] {
    const { anchor, everyMs } = this.timing;
    const latest = last - ((last - anchor) % Number(everyMs));
    return Array.from({ length: count }, (_, i) => latest - i * Number(everyMs));
  }
}
