import { signal } from '@preact/signals';
import type { Queue } from '@syncline/contracts';

/** 15 minutes, a point every 5 s. */
const POINTS = 180;
const STEP_MS = 5_000;

export interface Point {
  readonly at: number;
  readonly ready: number;
  readonly inFlight: number;
  /** A second, since the point before. */
  readonly sent: number;
  readonly acked: number;
}

interface Counted {
  readonly at: number;
  readonly sent: number;
  readonly acked: number;
}

/** What this page has seen of each queue while it was open. */
export class History {
  private readonly points = new Map<string, Point[]>();
  private readonly counted = new Map<string, Counted>();
  /** Changes with each new point. */
  readonly changed = signal(0);

  note(at: number, queues: readonly Queue[]): void {
    let isNew = false;
    for (const { name, stats } of queues) {
      const before = this.counted.get(name);
      if (before !== undefined && at - before.at < STEP_MS) continue;
      const { sent, acked, ready, inFlight } = stats;
      this.counted.set(name, { at, sent, acked });
      if (before === undefined) continue;
      const seconds = (at - before.at) / 1_000;
      const rate = (now: number, then: number) => Math.max(0, now - then) / seconds;
      const points = this.points.get(name) ?? [];
      points.push({ at, ready, inFlight, sent: rate(sent, before.sent), acked: rate(acked, before.acked) });
      if (points.length > POINTS) points.shift();
      this.points.set(name, points);
      isNew = true;
    }
    if (isNew) this.changed.value += 1;
  }

  of(queue: string): readonly Point[] {
    return this.points.get(queue) ?? [];
  }
}
