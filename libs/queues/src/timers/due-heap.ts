interface Entry {
  readonly queue: string;
  at: number;
}

/** Binary heap of one instant a queue, the earliest first. It knows where each queue stands, so that none stands there twice. */
export class DueHeap {
  private readonly entries: Entry[] = [];
  private readonly places = new Map<string, number>();

  get size(): number {
    return this.entries.length;
  }

  /** The earliest instant; null when there is none. */
  get next(): number | null {
    return this.entries[0]?.at ?? null;
  }

  /** Keeps the earlier one when the queue has an instant already. */
  add(queue: string, at: number): void {
    const place = this.places.get(queue) ?? this.entries.length;
    const known = this.entries[place];
    if (known === undefined) this.put({ queue, at }, place);
    else if (at < known.at) known.at = at;
    else return;
    this.rise(place);
  }

  /** Takes out all queues whose instant has come. */
  takeDue(now: number): string[] {
    const due: string[] = [];
    for (let next = this.next; next !== null && next <= now; next = this.next) {
      const first = this.entries[0] as Entry;
      const last = this.entries.pop() as Entry;
      if (last !== first) {
        this.put(last, 0);
        this.sink(0);
      }
      this.places.delete(first.queue);
      due.push(first.queue);
    }
    return due;
  }

  private put(entry: Entry, place: number): void {
    this.entries[place] = entry;
    this.places.set(entry.queue, place);
  }

  private rise(from: number): void {
    for (let i = from; i > 0; ) {
      const parent = (i - 1) >> 1;
      if (!this.swapWhenEarlier(i, parent)) return;
      i = parent;
    }
  }

  private sink(from: number): void {
    for (let i = from; ; ) {
      const [left, right] = [2 * i + 1, 2 * i + 2];
      const child = this.at(right) < this.at(left) ? right : left;
      if (!this.swapWhenEarlier(child, i)) return;
      i = child;
    }
  }

  private at(i: number): number {
    return this.entries[i]?.at ?? Number.POSITIVE_INFINITY;
  }

  private swapWhenEarlier(i: number, above: number): boolean {
    const [lower, upper] = [this.entries[i], this.entries[above]];
    if (lower === undefined || upper === undefined || lower.at >= upper.at) return false;
    this.put(lower, above);
    this.put(upper, i);
    return true;
  }
}
