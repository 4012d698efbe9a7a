import type { Delivery } from './delivery.js';

/** Received messages that are handled one after the other: those of a group, in order, or a single one. */
export class Series<Body> {
  private next = 0;
  private hasEnded = false;
  private onEnd: (() => void)[] = [];

  constructor(
    /** Null: its messages are of no group, or of a group without an order. */
    readonly groupId: string | null,
    private readonly deliveries: Delivery<Body>[],
  ) {}

  /** How many are left. */
  get length(): number {
    return this.deliveries.length - this.next;
  }

  /** Resolves when its last message was answered for, or given back. */
  ended(): Promise<void> {
    return new Promise((resolve) => {
      if (this.hasEnded) resolve();
      else this.onEnd.push(resolve);
    });
  }

  end(): void {
    this.hasEnded = true;
    for (const tell of this.onEnd) tell();
  }

  add(delivery: Delivery<Body>): void {
    this.deliveries.push(delivery);
  }

  take(): Delivery<Body> | undefined {
    const delivery = this.deliveries[this.next];
    if (delivery !== undefined) this.next += 1;
    return delivery;
  }

  /** Takes all but the first `length` that are left. */
  takeFrom(length: number): Delivery<Body>[] {
    return this.deliveries.splice(this.next + length);
  }
}

/** One series for the messages of each group, where groups have an order, and one for each other message. */
export function splitIntoSeries<Body>(
  deliveries: readonly Delivery<Body>[],
  ordersGroups: boolean,
): Series<Body>[] {
  if (!ordersGroups) return deliveries.map((delivery) => new Series(null, [delivery]));
  const series: Series<Body>[] = [];
  const groups: Record<string, Series<Body>> = Object.create(null);
  for (const delivery of deliveries) {
    const { groupId } = delivery.message;
    const group = groupId === null ? undefined : groups[groupId];
    if (group !== undefined) {
      group.add(delivery);
      continue;
    }
    const begun = new Series(groupId, [delivery]);
    series.push(begun);
    if (groupId !== null) groups[groupId] = begun;
  }
  return series;
}
